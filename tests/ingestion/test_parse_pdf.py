"""PDFs: reading order, paragraphs, boxes, headings, running heads, hyphens, form fields."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from apps.ingestion.parsers import pdf
from apps.ingestion.parsers.types import ParseLimits, Task
from apps.libraries.types import Blob, ParsedDocument
from tests.ingestion import papers
from tests.ingestion.papers import BODY, HAN, write

LEFT = [f"The left column tells of otters, part {number} of" for number in range(20)]
RIGHT = [f"The right column tells of beavers, part {number} of" for number in range(20)]


def read(tmp_path: Path, draw: Callable[[Canvas], object], **options: object) -> ParsedDocument:
    def page(canvas: Canvas) -> None:
        draw(canvas)
        canvas.showPage()

    path = papers.pdf(tmp_path / "paper.pdf", page, **options)
    return pdf.parse(Task(str(path), "paper.pdf", None, ParseLimits()))


def test_it_joins_the_lines_of_a_paragraph_and_parts_paragraphs(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        top = write(canvas, BODY, 72, 72)
        write(canvas, ["Another paragraph follows."], 72, top + 12)

    assert [block.text for block in read(tmp_path, draw).blocks] == [" ".join(BODY), "Another paragraph follows."]


def test_it_joins_chinese_lines_without_a_blank(tmp_path: Path) -> None:
    parsed = read(
        tmp_path, lambda canvas: write(canvas, ["本合同自双方签字盖章之", "日起生效，有效期三年。"], 72, 72, font=HAN)
    )

    assert parsed.blocks[0].text == "本合同自双方签字盖章之日起生效，有效期三年。"
    assert parsed.language == "zh"


@pytest.mark.parametrize("is_interleaved", [False, True], ids=["column by column", "line by line"])
def test_it_reads_columns_one_after_the_other(tmp_path: Path, is_interleaved: bool) -> None:  # noqa: FBT001
    def draw(canvas: Canvas) -> None:
        write(canvas, ["A title that spans both of the columns of this page"], 120, 40, size=14)
        columns = [(line, 60, 80 + 12 * at) for at, line in enumerate(LEFT)]
        columns += [(line, 320, 80 + 12 * at) for at, line in enumerate(RIGHT)]
        for line, x, top in sorted(columns, key=lambda each: each[2]) if is_interleaved else columns:
            write(canvas, [line], x, top, size=9)

    whole = "\n".join(block.text for block in read(tmp_path, draw).blocks)

    assert whole.index("A title") < whole.index("otters, part 0") < whole.index("otters, part 19")
    assert whole.index("otters, part 19") < whole.index("beavers, part 0") < whole.index("beavers, part 19")


def test_it_does_not_take_a_table_for_columns(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for at in range(12):
            write(canvas, [f"Row {at}"], 72, 72 + 14 * at)
            write(canvas, [f"{at * 100}"], 320, 72 + 14 * at)

    whole = " ".join(block.text for block in read(tmp_path, draw).blocks)

    assert "| Row 3 | 300 |" in whole
    assert "| Row 4 | 400 |" in whole


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_it_places_boxes_on_the_page_as_it_is_shown(tmp_path: Path, turn: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(turn)
        width, height = (
            (papers.H, papers.W) if turn % 180 else (papers.W, papers.H)
        )  # reportlab turns the media box, too
        canvas.translate(*{0: (0, 0), 90: (width, 0), 180: (width, height), 270: (0, height)}[turn])
        canvas.rotate(turn)
        height = width if turn % 180 else height
        canvas.setFont("Helvetica", 20)
        canvas.drawString(50, height - 70, "Upright words near the top left")

    (block,) = read(tmp_path, draw).blocks

    assert block.box is not None
    assert block.text == "Upright words near the top left"
    assert 0.04 < block.box.x0 < 0.1
    assert 0.03 < block.box.y0 < block.box.y1 < 0.14
    assert block.box.x1 - block.box.x0 > 4 * (block.box.y1 - block.box.y0)


def test_it_measures_boxes_by_the_crop_box_and_leaves_out_what_lies_outside(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setCropBox((100, 100, 300, 300))
        canvas.setFont("Helvetica", 10)
        canvas.drawString(110, 280, "inside the crop")
        canvas.drawString(400, 700, "printer's mark")

    (block,) = read(tmp_path, draw).blocks

    assert block.box is not None
    assert block.text == "inside the crop"
    assert block.box.x0 == pytest.approx(0.05, abs=0.02)
    assert block.box.y0 == pytest.approx(0.06, abs=0.03)


def test_it_makes_headings_of_larger_bold_and_numbered_lines(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        top = write(canvas, ["Annual report"], 72, 60, size=20, font="Helvetica-Bold")
        for heading in ("1 Money", "2 People"):
            top = write(canvas, [heading], 72, top + 14, size=14, font="Helvetica-Bold")
            top = write(canvas, [f"{heading[0]}.1 Details"], 72, top + 10, font="Helvetica-Bold")
            top = write(canvas, BODY, 72, top + 8)

    parsed = read(tmp_path, draw)
    prose = [block for block in parsed.blocks if block.kind == "text"]

    assert [block.text for block in parsed.blocks if block.kind == "heading"] == [
        "Annual report",
        "1 Money",
        "1.1 Details",
        "2 People",
        "2.1 Details",
    ]
    assert [block.heading_path[-2:] for block in prose] == [("1 Money", "1.1 Details"), ("2 People", "2.1 Details")]


def test_it_takes_levels_from_the_outline(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for at, (title, level) in enumerate((("Part one", 0), ("On records", 1))):
            canvas.bookmarkPage(title)
            canvas.addOutlineEntry(title, title, level)
            write(canvas, [title], 72, 72 + 100 * at)
            write(canvas, BODY, 72, 92 + 100 * at)

    parsed = read(tmp_path, draw)

    assert parsed.blocks[-1].heading_path == ("Part one", "On records")


def _report(canvas: Canvas, pages: int) -> None:
    for number in range(1, pages + 1):
        write(canvas, ["Zhiku annual report"], 72, 20, size=8)
        write(canvas, [f"On this page, number {number * 7} is told of.", *BODY], 72, 100)
        write(canvas, [f"Page {number} of {pages}"], 280, papers.H - 30, size=8)
        if number < pages:
            canvas.showPage()


def test_it_drops_running_heads_and_page_numbers_but_keeps_the_first(tmp_path: Path) -> None:
    parsed = read(tmp_path, lambda canvas: _report(canvas, 8))
    whole = "\n".join(block.text for block in parsed.blocks)

    assert whole.count("Zhiku annual report") == 1
    assert whole.count("Page ") <= 1
    assert all(f"number {number * 7} is" in whole for number in range(1, 9))


def test_it_drops_nothing_of_a_short_document(tmp_path: Path) -> None:
    parsed = read(tmp_path, lambda canvas: _report(canvas, 3))

    assert "\n".join(block.text for block in parsed.blocks).count("Zhiku annual report") == 3


def test_it_makes_words_whole_that_a_line_end_parted(tmp_path: Path) -> None:
    lines = (
        "The dual-encoder reads the text once and so is effi-",
        "cient, and a dual-",
        "encoder reads it only once, too, whatever the length is.",
    )

    text = read(tmp_path, lambda canvas: write(canvas, lines, 72, 72)).blocks[0].text

    assert "so is efficient, and a dual-encoder reads it" in text


def test_it_marks_list_items(tmp_path: Path) -> None:
    lines = ["We need the following things:", "• a rope that is long", "• a lamp", "2) and courage"]

    kinds = [(block.kind, block.text) for block in read(tmp_path, lambda canvas: write(canvas, lines, 72, 72)).blocks]

    assert kinds[1:] == [("list", lines[1]), ("list", lines[2]), ("list", lines[3])]


def test_it_reads_what_was_filled_into_a_form(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        write(canvas, ["Name of the applicant:"], 72, 72)
        canvas.acroForm.textfield(name="name", value="Zebra Quux", x=200, y=700, width=200, height=20)

    whole = " ".join(block.text for block in read(tmp_path, draw).blocks)

    assert "Zebra Quux" in whole


def test_it_reads_the_title_unless_a_program_made_it(tmp_path: Path) -> None:
    def titled(title: str) -> str:
        return read(tmp_path, lambda canvas: (canvas.setTitle(title), write(canvas, ["Words"], 72, 72))).title

    assert titled("Travel policy 2031") == "Travel policy 2031"
    assert titled("Microsoft Word - draft7.doc") == ""
    assert titled("draft7.docx") == ""


def test_it_keeps_the_other_pages_when_one_cannot_be_loaded(tmp_path: Path) -> None:
    path = papers.pdf(tmp_path / "paper.pdf", lambda canvas: _report(canvas, 3), pageCompression=0)
    data = path.read_bytes()
    first = data.index(b"/Type /Page\n") if b"/Type /Page\n" in data else data.index(b"/Type /Page ")
    path.write_bytes(data[:first] + data[first : first + 40].replace(b"/Page", b"/Pxge") + data[first + 40 :])

    parsed = pdf.parse(Task(str(path), "paper.pdf", None, ParseLimits()))

    assert "number 21 is told" in "\n".join(block.text for block in parsed.blocks)


def test_it_cuts_figures_out_once_and_finds_their_captions(tmp_path: Path) -> None:
    from PIL import Image  # noqa: PLC0415
    from reportlab.lib.utils import ImageReader  # noqa: PLC0415

    fox = ImageReader(Image.effect_noise((200, 120), 90).convert("RGB"))
    kept: list[bytes] = []

    def keep(data: Iterable[bytes]) -> Blob:
        kept.append(b"".join(data))
        return Blob(0, len(kept[-1]))

    def draw(canvas: Canvas) -> None:
        for _page in range(2):
            write(canvas, BODY, 72, 72)
            canvas.drawImage(fox, 100, papers.H - 320, 200, 120)
            write(canvas, ["Figure 1: A fox in the snow."], 100, 330)
            canvas.drawImage(fox, 500, 800, 20, 20)  # a mark
            canvas.showPage()

    path = papers.pdf(tmp_path / "paper.pdf", draw)
    parsed = pdf.parse(Task(str(path), "paper.pdf", None, ParseLimits(), keep=keep))

    assert [(figure.page, figure.caption) for figure in parsed.figures] == [(1, "Figure 1: A fox in the snow.")]
    figure = parsed.figures[0]
    assert parsed.blocks[figure.block].kind == "caption"
    assert figure.box is not None
    assert abs(figure.box.x0 - 100 / 595.28) < 0.002
    assert kept[0][:3] in {b"\xff\xd8\xff", b"\x89PN"}


def test_it_tells_what_the_file_says_of_itself(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setAuthor("Ada Lovelace")
        canvas.setSubject("Engines")
        write(canvas, BODY, 72, 72)

    facts = read(tmp_path, draw).facts

    assert (facts["author"], facts["subject"]) == ("Ada Lovelace", "Engines")
    assert len(facts["created"]) == len("2026-11-22")


def test_it_leaves_out_what_a_program_wrote_where_nobody_told_it(tmp_path: Path) -> None:
    """reportlab calls an unnamed author "anonymous" and an unnamed subject "unspecified"."""
    facts = read(tmp_path, lambda canvas: papers.write(canvas, papers.BODY, 72, 72)).facts

    assert not {"author", "subject"} & facts.keys()
