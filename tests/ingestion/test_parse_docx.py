"""Word documents: styles, numbering, tables, notes, text boxes, tracked changes."""

from pathlib import Path

import pytest
from docx import Document
from docx.document import Document as WordDocument

from apps.ingestion.parsers import docx
from apps.ingestion.parsers.docx_styles import Listing, Numbering, _written
from apps.ingestion.parsers.types import ParseLimits, Task
from apps.libraries.types import ParsedDocument
from tests.ingestion import papers
from tests.ingestion.papers import paragraph


def read(path: Path) -> ParsedDocument:
    return docx.parse(Task(str(path), path.name, None, ParseLimits()))


def read_xml(tmp_path: Path, body: str, **parts: bytes) -> ParsedDocument:
    return read(papers.word(tmp_path / "x.docx", papers.document_xml(body), **parts))


def saved(document: WordDocument, tmp_path: Path) -> ParsedDocument:
    document.save(str(tmp_path / "word.docx"))
    return read(tmp_path / "word.docx")


def texts(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


def test_it_reads_headings_paragraphs_lists_and_tables(tmp_path: Path) -> None:
    document = Document()
    document.add_heading("Travel policy", 0)
    document.add_heading("Limits", 1)
    document.add_paragraph("Per night, in euros.")
    table = document.add_table(2, 2)
    for cell, words in zip(
        (cell for row in table.rows for cell in row.cells), ("City", "Limit", "Bern", "200"), strict=True
    ):
        cell.text = words
    document.add_heading("Duties", 2)
    for words in ("Keep receipts", "Hand them in"):
        document.add_paragraph(words, style="List Bullet")

    parsed = saved(document, tmp_path)

    assert parsed.title == "Travel policy"
    assert texts(parsed)[2:] == [
        ("text", "Per night, in euros."),
        ("table", "| City | Limit |\n| --- | --- |\n| Bern | 200 |"),
        ("heading", "Duties"),
        ("list", "- Keep receipts\n- Hand them in"),
    ]
    assert parsed.blocks[-1].heading_path == ("Limits", "Duties")


def test_it_reads_tracked_changes_as_accepted(tmp_path: Path) -> None:
    body = (
        "<w:p><w:r><w:t>We pay </w:t></w:r><w:del><w:r><w:delText>ten</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>twenty</w:t></w:r></w:ins><w:r><w:tab/><w:t>euros</w:t><w:softHyphen/><w:br/><w:t>now</w:t></w:r></w:p>"
    )

    assert texts(read_xml(tmp_path, body)) == [("text", "We pay twenty euros\nnow")]


def test_it_puts_notes_and_text_boxes_after_their_paragraph(tmp_path: Path) -> None:
    notes = papers.document_xml("").decode().replace("w:document", "w:footnotes").replace("<w:body></w:body>", "%s")
    body = (
        '<w:p><w:r><w:t>Main</w:t><w:footnoteReference w:id="2"/></w:r><w:r><w:pict><w:txbxContent>'
        + paragraph("Boxed")
        + "</w:txbxContent></w:pict></w:r></w:p>"
        + paragraph("After")
    )

    parsed = read_xml(
        tmp_path, body, footnotes_xml=(notes % f'<w:footnote w:id="2">{paragraph("Noted")}</w:footnote>').encode()
    )

    assert [block.text for block in parsed.blocks] == ["Main", "Boxed", "Noted", "After"]


def test_it_reads_content_controls_and_only_one_of_two_alternatives(tmp_path: Path) -> None:
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    choices = "<mc:Choice><w:t>new</w:t></mc:Choice><mc:Fallback><w:t>old</w:t></mc:Fallback>"
    both = f"<mc:AlternateContent {mc}>{choices}</mc:AlternateContent>"
    body = f"<w:sdt><w:sdtContent>{paragraph('Controlled')}</w:sdtContent></w:sdt><w:p><w:r>{both}</w:r></w:p>"

    assert [block.text for block in read_xml(tmp_path, body).blocks] == ["Controlled", "new"]


def test_it_writes_the_numbers_that_word_shows(tmp_path: Path) -> None:
    numbering = (
        '<w:abstractNum w:abstractNumId="0">'
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/>'
        '<w:lvlText w:val="第%1条"/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%2."/></w:lvl>'
        '</w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num>'
    )
    part = papers.document_xml("").decode().replace("w:document", "w:numbering").replace("<w:body></w:body>", numbering)

    def item(text: str, level: int) -> str:
        return paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="5"/></w:numPr>')

    body = item("付款", 0) + item("甲方付款。", 1) + item("乙方开票。", 1) + item("保密", 0) + item("不得披露。", 1)

    parsed = read_xml(tmp_path, body, numbering_xml=part.encode())

    assert texts(parsed) == [("list", "第一条 付款\n  1. 甲方付款。\n  2. 乙方开票。\n第二条 保密\n  1. 不得披露。")]


@pytest.mark.parametrize(
    ("count", "style", "written"),
    [
        (28, "lowerLetter", "bb"),
        (14, "upperRoman", "XIV"),
        (10, "chineseCounting", "十"),
        (21, "chineseCounting", "二十一"),
        (205, "chineseCounting", "二百零五"),
        (7, "decimalZero", "7"),
    ],
)
def test_it_writes_numbers_in_words_own_formats(count: int, style: str, written: str) -> None:
    assert _written(count, style) == written


def test_it_gives_a_bullet_to_a_list_it_does_not_know() -> None:
    assert Numbering(None).label(Listing("9", 0)) == "-"


def test_it_takes_the_outline_level_before_the_styles_name(tmp_path: Path) -> None:
    body = (
        paragraph("Scope", '<w:outlineLvl w:val="1"/>')
        + paragraph("Words")
        + paragraph("Not one", '<w:outlineLvl w:val="9"/>')
    )

    parsed = read_xml(tmp_path, body)

    assert [(block.kind, block.level) for block in parsed.blocks] == [("heading", 2), ("text", 0), ("text", 0)]


def test_it_reads_strict_documents(tmp_path: Path) -> None:
    main = papers.document_xml(paragraph("Strict words")).replace(
        papers.WORD.encode(), b"http://purl.oclc.org/ooxml/wordprocessingml/main"
    )

    assert texts(read(papers.word(tmp_path / "x.docx", main))) == [("text", "Strict words")]


def test_it_repeats_merged_cells_down_and_in_the_header_and_reads_layout_tables_as_text(tmp_path: Path) -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    data = (
        "<w:tbl><w:tr>"
        + cell("Kind", '<w:gridSpan w:val="2"/>')
        + cell("Price")
        + "</w:tr><w:tr>"
        + cell("Fruit", '<w:vMerge w:val="restart"/>')
        + cell("Apple")
        + cell("1")
        + "</w:tr><w:tr>"
        + cell("again", "<w:vMerge/>")
        + cell("Pear")
        + cell("2")
        + "</w:tr></w:tbl>"
    )
    layout = "<w:tbl><w:tr>" + cell("Alone") + "</w:tr></w:tbl>"

    assert texts(read_xml(tmp_path, data + layout)) == [
        ("table", "| Kind | Kind | Price |\n| --- | --- | --- |\n| Fruit | Apple | 1 |\n| Fruit | Pear | 2 |"),
        ("text", "Alone"),
    ]
