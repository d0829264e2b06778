"""RTF: code pages, tables, lists, headings, notes, pictures, tracked deletions, damaged files."""

from pathlib import Path

import pytest

from apps.ingestion.parsers import rtf
from apps.ingestion.parsers.types import Refused
from apps.libraries.types import ParsedDocument
from tests.ingestion import office

HEAD = b"{\\rtf1\\ansi\\ansicpg1252\\deff0"
FONTS = b"{\\fonttbl" + b"".join(b"{\\f%d\\fcharset%d A;}" % each for each in enumerate((0, 134, 128, 204))) + b"}"


def read(tmp_path: Path, body: bytes, head: bytes = HEAD + FONTS, desk: office.Desk | None = None) -> ParsedDocument:
    (tmp_path / "a.rtf").write_bytes(head + body + b"}")
    return rtf.parse((desk or office.Desk()).task(tmp_path / "a.rtf"))


def texts(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


def hexed(text: str, encoding: str) -> bytes:
    return b"".join(b"\\'%02x" % byte for byte in text.encode(encoding))


@pytest.mark.parametrize(
    ("font", "words", "encoding"),
    [
        (0, "Espírito", "cp1252"),
        (1, "年度预算三百万元", "gb18030"),
        (2, "こんにちは", "cp932"),
        (3, "Привет", "cp1251"),
    ],
)
def test_it_decodes_each_font_by_its_own_code_page(tmp_path: Path, font: int, words: str, encoding: str) -> None:
    body = b"\\pard\\f%d %s\\par" % (font, hexed(words, encoding))

    assert texts(read(tmp_path, body)) == [("text", words)]


def test_it_reads_characters_told_by_number_without_what_stands_in_for_them(tmp_path: Path) -> None:
    body = b"\\uc1 A\\u-10179?\\u-8704?B\\uc2\\u20013\\'d6\\'d0{\\uc0\\u25991 x}\\emdash\\~y\\par"

    assert texts(read(tmp_path, body)) == [("text", "A😀B中文x— y")]


def test_it_reads_tables_with_merged_cells(tmp_path: Path) -> None:
    body = (
        b"\\pard Before\\par"
        b"\\trowd\\cellx1\\cellx2\\cellx3\\pard\\intbl Kind\\cell Size\\cell Price\\cell\\row"
        b"\\trowd\\clvmgf\\cellx1\\cellx2\\cellx3\\pard\\intbl Fruit\\cell S\\cell 1\\cell\\row"
        b"\\trowd\\clvmrg\\cellx1\\cellx2\\cellx3\\pard\\intbl\\cell L\\cell 2\\par{\\b each}\\cell\\row"
        b"\\pard After\\par"
    )

    assert texts(read(tmp_path, body)) == [
        ("text", "Before"),
        ("table", "| Kind | Size | Price |\n| --- | --- | --- |\n| Fruit | S | 1 |\n| Fruit | L | 2<br>each |"),
        ("text", "After"),
    ]


def test_it_reads_a_table_within_a_cell_as_its_words(tmp_path: Path) -> None:
    body = (
        b"\\trowd\\cellx1\\cellx2\\pard\\intbl\\itap2 a\\nestcell b\\nestcell{\\*\\nesttableprops\\trowd\\nestrow}"
        b"{\\nonesttables\\par}\\pard\\intbl\\itap1 outer\\cell other\\cell\\row\\pard x\\par"
    )

    assert texts(read(tmp_path, body))[0] == ("table", "| a b<br>outer | other |\n| --- | --- |")


def test_it_reads_headings_and_lists(tmp_path: Path) -> None:
    styles = b"{\\stylesheet{\\s0 Normal;}{\\s1\\outlinelevel0 heading 1;}{\\s9 Title;}}"
    body = (
        b"\\pard\\s9 Rules\\par\\pard\\s1{\\listtext 1.\\tab}Scope\\par"
        b"\\pard{\\listtext\\'b7\\tab}\\ls1 red\\par\\pard{\\listtext a)\\tab}\\ls1\\ilvl1 blue\\par"
        b"\\pard\\outlinelevel1 Deeper\\par\\pard end\\par"
    )

    parsed = read(tmp_path, styles + body)

    assert parsed.title == "Rules"
    assert [(block.kind, block.level, block.text) for block in parsed.blocks] == [
        ("heading", 1, "Rules"),
        ("heading", 1, "1. Scope"),
        ("list", 0, "- red\n  a) blue"),
        ("heading", 2, "Deeper"),
        ("text", 0, "end"),
    ]


def test_it_leaves_out_what_is_no_content(tmp_path: Path) -> None:
    body = (
        b"{\\info{\\title Plan}{\\author Ann}}{\\header page 1}{\\footer foot}{\\*\\unknown words}{\\v hidden}"
        b"{\\deleted gone}{\\field{\\*\\fldinst HYPERLINK x}{\\fldrslt link}} kept\\par"
    )

    parsed = read(tmp_path, body)

    assert texts(parsed) == [("text", "link kept")]
    assert parsed.facts == {"title": "Plan", "author": "Ann"}


def test_it_puts_notes_comments_and_boxes_after_their_paragraph(tmp_path: Path) -> None:
    shape = b"{\\shp{\\*\\shpinst{\\sp{\\sn a}{\\sv b}}{\\shptxt Boxed\\par}}{\\shprslt{\\*\\do\\dptxbxtext Boxed}}}"
    note = b"{\\footnote Noted}{\\*\\atnauthor Ann}{\\*\\annotation Really?}"

    parsed = read(tmp_path, b"\\pard Main" + note + shape + b" text\\par After\\par")

    assert texts(parsed) == [
        *[("text", "Main text"), ("note", "Noted"), ("note", "Ann: Really?"), ("text", "Boxed"), ("text", "After")]
    ]


def test_it_keeps_pictures(tmp_path: Path) -> None:
    desk = office.Desk()
    pict = b"{\\*\\shppict{\\pict{\\*\\picprop}\\pngblip\\picw1 " + office.picture().hex().encode() + b"}}"

    parsed = read(tmp_path, b"Words\\par" + pict + b"{\\nonshppict{\\pict\\wmetafile8 00}}\\par", desk=desk)

    assert [figure.block for figure in parsed.figures] == [1]
    assert len(desk.kept) == 1


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_it_reads_a_file_that_is_cut_off_as_far_as_it_goes(tmp_path: Path, cut: int) -> None:
    body = b"\\pard First words\\par" + b"x" * cut

    assert read(tmp_path, body, head=HEAD).blocks[0].text == "First words"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "empty", id="no words"),
        pytest.param(b"{" * 2_000, "broken", id="2,000 groups"),
        pytest.param(b"\\bin999999999 words", "empty", id="binary without end"),
    ],
)
def test_it_refuses_with_a_code(tmp_path: Path, body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, body)

    assert refused.value.code == code
