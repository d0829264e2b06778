"""Hostile pictures (security-cases row 70): each is refused with a code, before anything large is decoded."""

import io
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from apps.ingestion.parsers import image
from apps.ingestion.parsers.recognition import Recognition
from apps.ingestion.parsers.types import ParseLimits, Refused, Task


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds one line of it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def refusal(tmp_path: Path, data: bytes, limits: ParseLimits | None = None) -> str:
    path = tmp_path / "picture"
    path.write_bytes(data)
    with pytest.raises(Refused) as refused:
        image.parse(Task(str(path), "picture.png", None, limits or ParseLimits()))
    return refused.value.code


@pytest.mark.parametrize("size", [(60_000, 60_000), (1_000_000_000, 1), (1, 2_000_000_000)])
def test_row_70_it_refuses_a_picture_that_claims_to_be_huge(tmp_path: Path, size: tuple[int, int]) -> None:
    assert refusal(tmp_path, png(*size)) == "too-large-picture"


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"8BPS\x00\x01" + bytes(20),
        b"BLP2" + bytes(64),
        b"%PDF-1.7\n",
    ],
    ids=["EPS", "PSD", "BLP", "PDF"],
)
def test_row_70_it_decodes_formats_of_the_list_alone(tmp_path: Path, data: bytes) -> None:
    assert refusal(tmp_path, data) == "broken"


def test_row_70_it_refuses_a_tiff_of_too_many_pages(tmp_path: Path) -> None:
    pages = [Image.new("1", (8, 8)) for _page in range(6)]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])

    assert refusal(tmp_path, buffer.getvalue(), ParseLimits(max_pages=5)) == "too-many-pages"


def test_it_says_that_a_cut_off_picture_is_damaged(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((300, 300), 60).save(buffer, "PNG")

    assert refusal(tmp_path, buffer.getvalue()[:2_000]) == "broken"


def test_it_says_that_pictures_are_not_read_while_ocr_is_off(tmp_path: Path) -> None:
    assert refusal(tmp_path, png(10, 10), ParseLimits(ocr_threads=0)) == "no-text-layer"


def test_it_ends_a_shift_before_the_cpu_time_of_a_parse_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Recognition(Task("", "", None, ParseLimits(cpu_s=100)), done=1, began=time.monotonic())
    monkeypatch.setattr(time, "process_time", lambda: 51.0)

    with pytest.raises(Refused) as refused:
        work.page(2, 9, lambda _dpi: pytest.fail("no page more"))

    assert refused.value.code == "unfinished"
    assert refused.value.params == {"done": 1, "total": 9}
