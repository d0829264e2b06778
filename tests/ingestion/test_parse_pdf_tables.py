"""Tables in PDFs: ruled and without rules become markdown; prose, lists and drawings never do."""

from collections.abc import Callable, Sequence
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from apps.libraries.types import Block
from tests.ingestion.papers import BODY, H, write
from tests.ingestion.test_parse_pdf import read

PRICES = [("Fruit", "Colour", "Price"), ("Apple", "red", "1.20"), ("Pear", "green", "1.50"), ("Plum", "blue", "0.80")]
MARKDOWN = (
    "| Fruit | Colour | Price |\n| --- | --- | --- |\n"
    "| Apple | red | 1.20 |\n| Pear | green | 1.50 |\n| Plum | blue | 0.80 |"
)
FRUIT = [("Apples", "red", "12"), ("Pears", "green", "15"), ("Plums", "blue", "8"), ("Figs", "brown", "3")]
TEAM = (("Team", 76, 76), ("Member", 154, 76), ("North", 76, 100), ("Ada", 154, 100), ("Bo", 154, 124))
AFTER = "A paragraph that comes after the table and is quite long, so that it fills the line."


def blocks(tmp_path: Path, draw: Callable[[Canvas], object]) -> tuple[Block, ...]:
    return read(tmp_path, draw).blocks


def cells(canvas: Canvas, rows: Sequence[Sequence[str]], xs: Sequence[float], top: float, step: float = 18) -> None:
    for at, row in enumerate(rows):
        for x, text in zip(xs, row, strict=True):
            write(canvas, [text], x + 4, top + at * step + 3)


def rules(canvas: Canvas, xs: Sequence[float], ys: Sequence[float]) -> None:
    canvas.setLineWidth(0.5)
    for x in xs:
        canvas.line(x, H - ys[0], x, H - ys[-1])
    for y in ys:
        canvas.line(xs[0], H - y, xs[-1], H - y)


def test_it_reads_a_ruled_table_where_it_stands(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        top = write(canvas, BODY, 72, 72)
        rules(canvas, [72, 150, 228, 300], [top + 10 + 18 * at for at in range(5)])
        cells(canvas, PRICES, [72, 150, 228], top + 10)
        write(canvas, ["What follows the table stands below it."], 72, top + 110)

    found = blocks(tmp_path, draw)

    assert [block.kind for block in found] == ["text", "table", "text"]
    assert found[1].text == MARKDOWN
    assert found[1].box is not None
    assert abs(found[1].box.x0 - 72 / 595.28) < 0.002


def test_it_reads_narrow_cells_apart_by_their_rules(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        rules(canvas, [72, 110, 140, 170], [72 + 18 * at for at in range(5)])
        cells(canvas, FRUIT, [70, 108, 138], 72)

    assert "| Pears | green | 15 |" in blocks(tmp_path, draw)[0].text


def test_it_repeats_a_merged_cell_in_each_of_its_rows(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setLineWidth(0.5)
        for x in (72, 150, 250):
            canvas.line(x, H - 72, x, H - 144)
        for y in (72, 96, 144):
            canvas.line(72, H - y, 250, H - y)
        canvas.line(150, H - 120, 250, H - 120)
        for text, x, y in TEAM:
            write(canvas, [text], x, y)

    assert blocks(tmp_path, draw)[0].text == "| Team | Member |\n| --- | --- |\n| North | Ada |\n| North | Bo |"


def test_it_reads_a_table_without_rules(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        top = write(canvas, BODY, 72, 72)
        cells(canvas, PRICES, [72, 250, 400], top + 20, step=14)
        write(
            canvas,
            ["A paragraph that comes after the table and is quite long, so that it fills the line."],
            72,
            top + 100,
        )

    found = blocks(tmp_path, draw)

    assert [block.kind for block in found] == ["text", "table", "text"]
    assert found[1].text == MARKDOWN


def test_it_takes_no_prose_in_two_columns_for_a_table(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for at in range(5):
            write(canvas, [f"Left words of a sentence, number {at}, go on"], 60, 80 + 12 * at, size=9)
            write(canvas, [f"and so do the right ones of line {at} here"], 320, 80 + 12 * at, size=9)

    assert "table" not in {block.kind for block in blocks(tmp_path, draw)}


def test_it_takes_no_list_and_no_contents_for_a_table(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        for at in range(6):
            write(canvas, [f"{at + 1}."], 72, 80 + 14 * at)
            write(canvas, [f"Thing number {at}"], 110, 80 + 14 * at)
        for at in range(6):
            write(canvas, [f"Chapter {at} . . . . . . . . . . . ."], 72, 300 + 14 * at)
            write(canvas, [str(at * 7 + 1)], 500, 300 + 14 * at)

    assert "table" not in {block.kind for block in blocks(tmp_path, draw)}


def test_it_takes_no_frame_for_a_table(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.rect(60, H - 200, 400, 140)
        write(canvas, BODY, 72, 72)
        for at in range(4):
            canvas.line(60, H - 300 - 20 * at, 200, H - 300 - 20 * at)
            canvas.line(60 + 40 * at, H - 300, 60 + 40 * at, H - 360)

    assert [block.kind for block in blocks(tmp_path, draw)] == ["text"]


def test_it_reads_rows_of_numbers_apart_that_share_one_ruled_cell_and_columns_beyond_the_last_rule(
    tmp_path: Path,
) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setLineWidth(0.5)
        for y in (72, 92, 132, 172):
            canvas.line(60, H - y, 330, H - y)
        for x in (150, 240):
            canvas.line(x, H - 72, x, H - 172)
        for text, x, y in (
            ("Layers", 70, 76),
            ("Loss", 160, 76),
            ("Time", 250, 76),
            ("six", 70, 105),
            ("four", 70, 145),
        ):
            write(canvas, [text], x, y)
        for x, texts in ((160, ("0.965", "0.969", "0.938", "0.952")), (250, ("2.73", "5.39", "1.97", "3.77"))):
            write(canvas, texts[:2], x, 96)
            write(canvas, texts[2:], x, 136)

    rows = blocks(tmp_path, draw)[0].text.split("\n")

    assert rows[0] == "| Layers | Loss | Time |"
    assert rows[2:] == [
        "| six | 0.965 | 2.73 |",
        "| six | 0.969 | 5.39 |",
        "| four | 0.938 | 1.97 |",
        "| four | 0.952 | 3.77 |",
    ]
