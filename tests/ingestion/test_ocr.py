"""OCR through the isolated child: which pages are recognised, how they are held, and what survives a crash."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from apps.ingestion import parse_errors
from apps.ingestion.parsers import host
from apps.ingestion.parsers.resuming import MAX_DEADLY, Progress
from apps.ingestion.parsers.types import PageSetting, ParseLimits, Task
from apps.libraries.types import Box, PageRead, ParsedDocument, RecognisedLine
from tests.ingestion import scans
from tests.ingestion.papers import HAN, write

LIMITS = ParseLimits(wall_s=120, cpu_s=100)
LINES = ("The heron waits at the river bank", "until a small fish comes too near.")
HAN_LINES = ("本合同自双方签字盖章之日起生效，", "逾期按日万分之五计收违约金。")

pytestmark = pytest.mark.models


def read(path: Path, watch: host.Watch | None = None, **more: object) -> ParsedDocument:
    with host.read(replace(Task(str(path), path.name, None, LIMITS), **more), watch) as reading:  # type: ignore[arg-type]
        return reading.parsed


def text_of(parsed: ParsedDocument) -> str:
    return "".join("".join(block.text.split()) for block in parsed.blocks)


def squeezed(lines: tuple[str, ...]) -> str:
    return "".join("".join(lines).split())


@pytest.mark.parametrize(
    ("degrees", "lines", "font"),
    [
        *((degrees, LINES, "Helvetica") for degrees in (0, 90, 180, -6)),
        *((degrees, HAN_LINES, HAN) for degrees in (0, 270, 4, 93)),
    ],
)
def test_it_reads_a_scan_however_it_lies(tmp_path: Path, degrees: int, lines: tuple[str, ...], font: str) -> None:
    image = scans.turned(scans.picture(tmp_path, lines, font=font), degrees)

    parsed = read(scans.scan(tmp_path / "scan.pdf", image))

    assert text_of(parsed).replace(",", "，") == squeezed(lines).replace(",", "，")
    page = parsed.page_reads[0]
    assert page.method == "ocr"
    assert (page.confidence or 0) > 0.9
    assert (page.rotation + degrees) % 360 in {0, 1, 359}


@pytest.mark.parametrize("degrees", [0, 90, 180, 5])
def test_it_puts_the_boxes_where_the_text_is_shown(tmp_path: Path, degrees: int) -> None:
    upright = scans.picture(tmp_path, LINES)
    image = scans.turned(upright, degrees)
    path = scans.scan(tmp_path / "scan.pdf", image)

    box = read(path).blocks[0].box

    assert box is not None
    dark = Image.eval(scans.rendered(path).convert("L"), lambda value: 255 if value < 128 else 0).getbbox()
    assert dark is not None
    shown = scans.rendered(path).size
    inked = (dark[0] / shown[0], dark[1] / shown[1], dark[2] / shown[0], dark[3] / shown[1])
    assert all(abs(one - other) < 0.03 for one, other in zip((box.x0, box.y0, box.x1, box.y1), inked, strict=True))


def test_it_recognises_only_the_pages_that_lack_text(tmp_path: Path) -> None:
    def typed(canvas: Canvas) -> None:
        write(canvas, LINES, 72, 90)

    def nothing(_canvas: Canvas) -> None:
        """Leave the page blank."""

    path = scans.scan(tmp_path / "mixed.pdf", typed, scans.picture(tmp_path, HAN_LINES, font=HAN), nothing)

    parsed = read(path)

    assert [page.method for page in parsed.page_reads] == ["text", "ocr", "empty"]
    assert [block.page for block in parsed.blocks] == [1, 2]


def test_it_looks_at_a_scan_that_has_only_a_stamp_as_text(tmp_path: Path) -> None:
    image = scans.picture(tmp_path, LINES)

    def stamped(canvas: Canvas) -> None:
        canvas.drawInlineImage(image, 0, 0, 595, 842)
        write(canvas, ["BATES 00017"], 450, 800)

    parsed = read(scans.scan(tmp_path / "stamped.pdf", stamped))

    assert parsed.page_reads[0].method == "ocr"
    assert squeezed(LINES) in text_of(parsed)


def test_it_reads_a_page_as_a_person_asks(tmp_path: Path) -> None:
    path = scans.scan(
        tmp_path / "two.pdf", lambda canvas: write(canvas, LINES, 72, 90, size=14), scans.picture(tmp_path, LINES)
    )

    parsed = read(path, pages={1: PageSetting(method="ocr", dpi=120, rotation=0), 2: PageSetting(method="skip")})

    assert [page.method for page in parsed.page_reads] == ["ocr", "empty"]
    assert text_of(parsed) == squeezed(LINES)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
def test_it_reads_pictures_of_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    scans.picture(tmp_path, LINES).save(path)

    parsed = read(path)

    assert text_of(parsed) == squeezed(LINES)
    figure = parsed.figures[0]
    assert (figure.page, figure.block) == (1, 0)
    assert figure.media_type in {"image/png", "image/jpeg"}


def test_it_takes_each_picture_of_a_tiff_as_a_page(tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    first, second = scans.picture(tmp_path, LINES), scans.picture(tmp_path, HAN_LINES, font=HAN)
    first.save(path, save_all=True, append_images=[second])

    parsed = read(path)

    assert parsed.pages == 2
    assert [block.page for block in parsed.blocks] == [1, 2]
    assert [figure.page for figure in parsed.figures] == [1, 2]


def test_row_70_it_turns_a_photo_as_its_camera_says_and_drops_what_else_it_told(tmp_path: Path) -> None:
    path = tmp_path / "camera.jpg"
    image = scans.turned(scans.picture(tmp_path, LINES), 270)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 24.0)}
    image.save(path, exif=exif)

    with host.read(Task(str(path), path.name, None, LIMITS)) as reading:
        assert text_of(reading.parsed) == squeezed(LINES)
        assert reading.parsed.page_reads[0].rotation == 0
        served = b"".join(reading.pieces(reading.parsed.figures[0].data))

    assert b"Exif" not in served
    assert b"GPS" not in served


def test_it_says_that_a_picture_holds_no_text(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.new("RGB", (400, 300), "grey").save(path)

    with pytest.raises(parse_errors.Empty):
        read(path)


def test_it_goes_on_in_the_next_shift_where_the_last_one_ended(tmp_path: Path) -> None:
    path = scans.scan(
        tmp_path / "long.pdf", *[scans.picture(tmp_path, [f"Page number {page} of the log"]) for page in "123"]
    )
    told: list[int] = []
    watch = host.Watch(lambda *_: None, lambda: False, lambda page: told.append(page.page))

    parsed = read(path, watch, limits=replace(LIMITS, ocr_shift_s=0))

    assert told == [1, 2, 3]
    assert len(parsed.page_reads) == 3
    assert text_of(parsed).count("ofthelog") == 3


def test_it_does_not_recognise_again_what_is_known(tmp_path: Path) -> None:
    path = scans.scan(tmp_path / "scan.pdf", scans.picture(tmp_path, LINES))
    line = RecognisedLine(Box(1, 0.1, 0.1, 0.9, 0.13), "Known from before.", 0.97)

    parsed = read(path, known={1: PageRead(1, "ocr", 18, 0.97, 0, (line,))})

    assert [block.text for block in parsed.blocks] == ["Known from before."]


def test_it_leaves_out_a_page_that_kills_the_child_twice(tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    progress = Progress({}, lambda page: told.append((page.page, page.method)))

    for _try in range(2):
        progress.take(PageRead(2, "failed"))  # begun
        assert progress.survives()
    pages = [scans.picture(tmp_path, [f"Page number {page} of the log"]) for page in "123"]
    parsed = read(scans.scan(tmp_path / "log.pdf", *pages), known=progress.known)

    assert told == [(2, "failed")]
    assert [page.method for page in parsed.page_reads] == ["ocr", "failed", "ocr"]


def test_it_gives_up_a_document_of_deadly_pages() -> None:
    progress = Progress({}, lambda _page: None)
    survived = []
    for page in range(1, MAX_DEADLY + 2):
        for _ in range(2):
            progress.take(PageRead(page, "failed"))
            survived.append(progress.survives())

    assert survived == [True] * (2 * MAX_DEADLY + 1) + [False]
    assert not Progress({}, lambda _page: None).survives()
