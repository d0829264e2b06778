"""What a file is, by its bytes: the name decides among kinds of text only."""

import struct
import zipfile
from pathlib import Path

import pytest

from apps.ingestion.formats import KINDS, MEDIA_TYPES, SUFFIXES
from apps.ingestion.parsers.types import Refused
from apps.ingestion.sniffing import media_type, sniff

ODT = "application/vnd.oasis.opendocument.text"
MAIL = b"Received: by mx\r\nSubject: x\r\nFrom: a@b.test\r\n\r\nhello"


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(data)
    return path


def zipped(tmp_path: Path, **members: str) -> Path:
    path = tmp_path / "upload"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def compound(*names: str) -> bytes:
    """Return a compound file whose root holds empty streams of these names, each the right neighbour of the last."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", header, 30, 9)
    struct.pack_into("<I", header, 48, 1)
    struct.pack_into("<2I", header, 68, 0xFFFFFFFE, 0)
    struct.pack_into("<109I", header, 76, 0, *[0xFFFFFFFF] * 108)
    sectors = -(-(len(names) + 1) // 4)
    chain = [0xFFFFFFFD, *range(2, sectors + 1), 0xFFFFFFFE]
    fat = struct.pack("<128I", *chain, *[0xFFFFFFFF] * (128 - len(chain)))
    entries = [_entry("Root Entry", 5, child=1)]
    entries += [
        _entry(name, 2, right=number + 2 if number + 1 < len(names) else 0xFFFFFFFF)
        for number, name in enumerate(names)
    ]
    return bytes(header) + fat + b"".join(entries).ljust(sectors * 512, b"\0")


def _entry(name: str, kind: int, *, right: int = 0xFFFFFFFF, child: int = 0xFFFFFFFF) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    raw = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, 0xFFFFFFFF, right, child)
    return raw.ljust(128, b"\0")


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        pytest.param(b"\x89PNG\r\n\x1a\n", "report.pdf", "image", id="a picture called pdf"),
        pytest.param(b"RIFF\0\0\0\0WEBPVP8 ", "a.txt", "image", id="webp"),
        pytest.param(b"BM" + bytes(12) + b"\x28\0\0\0", "a.bmp", "image", id="bmp"),
        pytest.param(b"BM is how this sentence begins.", "a.txt", "text", id="a text that begins like a bmp"),
        pytest.param(b"{\\rtf1 hello}", "letter.doc", "rtf", id="rtf called doc"),
        pytest.param(MAIL, "message", "eml", id="mail without a suffix"),
        pytest.param(b"to: staff\nfrom: chef\ndate: friday\n", "menu.yaml", "code", id="yaml with fields like a mail"),
        pytest.param(b"From a@b.test Mon Jan  1 00:00:00 2024\n" + MAIL, "box", "mbox", id="mbox"),
        pytest.param(
            b"From: <Saved by Blink>\nSnapshot-Content-Location: x\nContent-Type: multipart/related\n\n",
            "p",
            "mhtml",
            id="mhtml",
        ),
        pytest.param(b"a;b\n1;2\n", "a.csv", "csv", id="csv"),
        pytest.param(b"a\tb\n1\t2\n", "export.xls", "csv", id="tabs called xls"),
        pytest.param(b"<html><body><table><tr><td>1", "export.xls", "html", id="html called xls"),
        pytest.param(b"[1, 2]", "a.json", "json", id="json"),
        pytest.param(b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", "a.txt", "subtitles", id="srt called txt"),
        pytest.param(b"WEBVTT\n\n", "a", "subtitles", id="vtt"),
        pytest.param(b"def f():\n    pass\n", "a.py", "code", id="code"),
        pytest.param(b"FROM debian\n", "Dockerfile", "code", id="code by its whole name"),
        pytest.param(b"Title\n=====\n", "a.rst", "rst", id="rst"),
        pytest.param(b"<?xml version='1.0'?><a>b</a>", "a.xml", "xml", id="xml"),
        pytest.param(b"<?xml version='1.0'?><a>b</a>", "a.txt", "text", id="xml called txt"),
        pytest.param(b"just words", "a.unknown", "text", id="words"),
    ],
)
def test_it_tells_a_kind_by_content(tmp_path: Path, data: bytes, name: str, kind: str) -> None:
    assert sniff(written(tmp_path, data), name) == kind


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"mimetype": ODT, "content.xml": ""}, "odt"),
        ({"mimetype": "application/epub+zip", "OPS/a.opf": ""}, "epub"),
        ({"META-INF/container.xml": ""}, "epub"),
        ({"[Content_Types].xml": "", "xl/workbook.xml": ""}, "xlsx"),
        ({"ppt/presentation.xml": ""}, "pptx"),
        ({"word/document2.xml": ""}, "docx"),
        ({"notes/word.txt": "", "readme": ""}, "zip"),
    ],
)
def test_it_tells_formats_that_are_zip_files(tmp_path: Path, members: dict[str, str], kind: str) -> None:
    assert sniff(zipped(tmp_path, **members), "upload.bin") == kind


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["WordDocument", "1Table"], "doc"),
        (["a", "b", "c", "d", "Workbook"], "xls"),
        (["PowerPoint Document"], "ppt"),
        (["__nameid_version1.0", "__properties_version1.0"], "msg"),
    ],
)
def test_it_tells_old_office_formats_by_the_streams_in_their_root(tmp_path: Path, names: list[str], kind: str) -> None:
    assert sniff(written(tmp_path, compound(*names)), "upload.bin") == kind


def test_it_is_not_misled_by_a_workbook_inside_a_letter(tmp_path: Path) -> None:
    data = compound("WordDocument") + "Workbook".encode("utf-16-le")

    assert sniff(written(tmp_path, data), "letter.doc") == "doc"


def test_it_survives_a_directory_that_runs_in_circles(tmp_path: Path) -> None:
    data = bytearray(compound("WordDocument"))
    struct.pack_into("<I", data, 512 + 4, 1)  # the directory's sector follows itself
    struct.pack_into("<I", data, 1024 + 128 + 72, 1)  # an entry is its own neighbour

    assert sniff(written(tmp_path, bytes(data)), "letter.doc") == "doc"


def test_it_leaves_a_locked_file_to_the_parser_that_its_name_tells(tmp_path: Path) -> None:
    path = written(tmp_path, compound("EncryptedPackage", "EncryptionInfo"))

    assert sniff(path, "a.xlsx") == "xlsx"
    with pytest.raises(Refused) as refused:
        sniff(path, "a.bin")
    assert refused.value.code == "encrypted"


@pytest.mark.parametrize("head", [b"<svg onload='x()'/>", b"<?xml version='1.0'?>\n<!-- a --><!DOCTYPE svg><svg/>"])
def test_row_48_it_refuses_svg_under_any_name(tmp_path: Path, head: bytes) -> None:
    for name in ("a.svg", "a.png", "a.html", "a"):
        with pytest.raises(Refused):
            sniff(written(tmp_path, head), name)


def test_it_knows_the_media_type_of_every_kind_and_picture(tmp_path: Path) -> None:
    assert set(MEDIA_TYPES) == set(KINDS)
    assert set(SUFFIXES.values()) <= set(KINDS)
    assert media_type(written(tmp_path, b"GIF89a"), "a.png") == "image/gif"
    assert media_type(written(tmp_path, b"\xff\xd8\xff\xe0"), "a") == "image/jpeg"
    assert media_type(written(tmp_path, b"MZ"), "a.txt") == "application/octet-stream"
