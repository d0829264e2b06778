"""Word documents: styles, numbering, tables, notes, text boxes, tracked changes."""

from pathlib import Path

import pytest
from docx import Document
from docx.document import Document as WordDocument

from apps.ingestion.parsers import docx
from apps.ingestion.parsers.docx_styles import Listing, Numbering, _written
from apps.ingestion.parsers.types import ParseLimits, Task
from apps.libraries.types import ParsedDocument
from tests.ingestion import office, papers
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


def test_it_puts_comments_and_pictures_after_their_paragraph(tmp_path: Path) -> None:
    def part(kind: str, body: str) -> bytes:
        return (
            papers.document_xml("")
            .decode()
            .replace("w:document", f"w:{kind}")
            .replace("<w:body></w:body>", body)
            .encode()
        )

    drawing = (
        '<w:drawing><wp:docPr xmlns:wp="wp" descr="A flag"/><a:blip xmlns:a="a" xmlns:r="'
        f'{office.REL}" r:embed="rId1"/></w:drawing>'
    )
    body = f'<w:p><w:r><w:t>Main</w:t>{drawing}<w:commentReference w:id="7"/></w:r></w:p>'
    parts = {
        "_rels/.rels": office.rels(("officeDocument", "word/document.xml")),
        "word/document.xml": papers.document_xml(body),
        "word/_rels/document.xml.rels": office.rels(("image", "media/a.png"), ("comments", "comments.xml")),
        "word/comments.xml": part("comments", f'<w:comment w:id="7" w:author="Ann">{paragraph("Why?")}</w:comment>'),
        "word/media/a.png": office.picture(),
    }

    parsed = docx.parse(office.Desk().task(office.packed(tmp_path / "a.docx", parts)))

    assert texts(parsed) == [("text", "Main"), ("figure", "A flag"), ("note", "Ann: Why?")]
    assert [figure.block for figure in parsed.figures] == [1]


def test_it_keeps_embedded_files_as_attachments(tmp_path: Path) -> None:
    parts = {
        "_rels/.rels": office.rels(("officeDocument", "word/document.xml")),
        "word/document.xml": papers.document_xml(paragraph("Outer")),
        "word/_rels/document.xml.rels": office.rels(("package", "embeddings/inner.xlsx")),
        "word/embeddings/inner.xlsx": b"PK inner",
    }
    desk = office.Desk()

    parsed = docx.parse(desk.task(office.packed(tmp_path / "a.docx", parts)))

    assert [(each.name, each.size) for each in parsed.attached] == [("inner.xlsx", 8)]
    assert desk.kept == [b"PK inner"]


def test_it_writes_the_signs_of_formulas(tmp_path: Path) -> None:
    def run(text: str) -> str:
        return f"<m:r><m:t>{text}</m:t></m:r>"

    power = f"<m:sSup><m:e>{run('r')}</m:e><m:sup>{run('2')}</m:sup></m:sSup>"
    part = f"<m:f><m:num>{run('a')}</m:num><m:den>{run('b')}</m:den></m:f>"
    math = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'

    body = f"<w:p><m:oMath {math}>{power}<m:d><m:e>{part}</m:e></m:d></m:oMath></w:p>"

    assert texts(read_xml(tmp_path, body)) == [("text", "r^2(a/b)")]


def test_it_leaves_out_the_table_of_contents_deleted_rows_and_hidden_words(tmp_path: Path) -> None:
    gallery = '<w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj></w:sdtPr>'
    contents = f"<w:sdt>{gallery}<w:sdtContent>{paragraph('Scope 3')}</w:sdtContent></w:sdt>"
    hidden = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:t>shown</w:t></w:r></w:p>"

    def row(text: str, gone: str = "") -> str:
        cells = f"<w:tc>{paragraph(text)}</w:tc>" * 2
        return f"<w:tr><w:trPr>{gone}</w:trPr>{cells}</w:tr>"

    table = f"<w:tbl>{row('a')}{row('gone', '<w:del/>')}{row('b')}</w:tbl>"

    assert texts(read_xml(tmp_path, contents + hidden + table)) == [
        ("text", "shown"),
        ("table", "| a | a |\n| --- | --- |\n| b | b |"),
    ]


def test_it_takes_the_rows_for_the_header_that_the_table_marks(tmp_path: Path) -> None:
    def row(*texts: str, mark: str = "") -> str:
        return f"<w:tr><w:trPr>{mark}</w:trPr>{''.join(f'<w:tc>{paragraph(each)}</w:tc>' for each in texts)}</w:tr>"

    head = "<w:tblHeader/>"
    table = f"<w:tbl>{row('2025', '2026', mark=head)}{row('May', 'June', mark=head)}{row('1', '2')}</w:tbl>"

    assert texts(read_xml(tmp_path, table)) == [("table", "| 2025 / May | 2026 / June |\n| --- | --- |\n| 1 | 2 |")]
