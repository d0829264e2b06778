"""Spreadsheets: values as shown, tables by region, merged cells, hidden sheets, notes, hostile files."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from apps.ingestion.parsers import csv, ods, xlsx
from apps.ingestion.parsers.number_format import shown
from apps.ingestion.parsers.plain import plain_text
from apps.ingestion.parsers.types import ParseLimits, Refused
from apps.libraries.types import ParsedDocument
from tests.ingestion import office
from tests.ingestion.office import row, sheet


def read(path: Path, **more: object) -> ParsedDocument:
    return xlsx.parse(office.Desk().task(path, **more))  # type: ignore[arg-type]


def read_csv(tmp_path: Path, data: bytes, name: str = "a.csv") -> ParsedDocument:
    (tmp_path / name).write_bytes(data)
    return csv.parse(office.Desk().task(tmp_path / name))


def texts(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (0.256, "0.0%", "25.6%"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (-1234.5, "#,##0.00;[Red](#,##0.00)", "(1,234.50)"),
        (0, '0;-0;"none"', "none"),
        (44562, "yyyy-mm-dd", "2022-01-01"),
        (44562.75, "m/d/yyyy h:mm AM/PM", "1/1/2022 6:00 PM"),
        (44562, 'yyyy"年"m"月"d"日"', "2022年1月1日"),
        (44562, "[$-804]aaaa", "星期六"),
        (1.5, "[h]:mm", "36:00"),
        (44562.123456, "h:mm:ss.000", "2:57:46.598"),
        (59, "yyyy-mm-dd", "1900-02-28"),
        (1500000, '[>=1000000]0.0,,"M";0', "1.5M"),
        (8005551234, "[<=9999999]###-####;(###) ###-####", "(800) 555-1234"),
        (1234.5, "[$¥-804]#,##0.00", "¥1,234.50"),
        (2.3333333, "# ?/?", "2 1/3"),
        (0.1 + 0.2, "General", "0.3"),
        (1234567890123451, "General", "1234567890123451"),
        (5, "00000", "00005"),
        (-0.004, "0.00", "0.00"),
        (1e300, "0.00", "1e+300"),
        (float("nan"), "yyyy", "nan"),
    ],
)
def test_it_shows_numbers_as_the_sheet_does(value: float, code: str, words: str) -> None:
    assert shown(value, code) == words


def test_it_counts_days_from_1904_where_the_workbook_does() -> None:
    assert shown(0, "yyyy-mm-dd", is_1904=True) == "1904-01-01"


def test_it_reads_cells_of_every_kind(tmp_path: Path) -> None:
    cells = (
        '<c r="A2" t="s"><v>0</v></c>',
        '<c r="B2" s="1"><v>0.5</v></c>',
        '<c r="C2" t="b"><v>1</v></c>',
        '<c r="D2" t="str"><f>A1&amp;"!"</f><v>Name!</v></c>',
        '<c r="E2" t="e"><v>#N/A</v></c>',
        '<c r="F2"><f>SUM(A1:A9)</f></c>',
    )
    more = {
        "xl/sharedStrings.xml": f"<sst {office.SHEET}><si><r><t>Ann_x000D_</t></r><rPh><t>アン</t></rPh></si></sst>",
        "xl/styles.xml": f'<styles {office.SHEET}><cellXfs><xf numFmtId="0"/><xf numFmtId="9"/></cellXfs></styles>',
    }
    rows = row(1, "Name", "Share", "Paid", "Made", "Fault", "Never") + row(2, *cells)

    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"People": sheet(rows)}, more=more))

    assert texts(parsed) == [
        ("heading", "People"),
        (
            "table",
            "| Name | Share | Paid | Made | Fault | Never |\n| --- | --- | --- | --- | --- | --- |\n"
            "| Ann | 50% | TRUE | Name! | #N/A | =SUM(A1:A9) |",
        ),
    ]


def test_it_parts_titles_tables_and_remarks(tmp_path: Path) -> None:
    rows = (
        row(1, "Costs of 2026")
        + row(3, "City", "Rent")
        + row(4, "Bern", "900")
        + row(5, "Source: the town")
        + row(8, "Item", "Count", "Note")
        + row(9, "Pen", "3", "blue")
    )

    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))

    assert texts(parsed)[1:] == [
        ("text", "Costs of 2026"),
        ("table", "| City | Rent |\n| --- | --- |\n| Bern | 900 |"),
        ("text", "Source: the town"),
        ("table", "| Item | Count | Note |\n| --- | --- | --- |\n| Pen | 3 | blue |"),
    ]


def test_it_reads_tables_side_by_side_one_after_another(tmp_path: Path) -> None:
    rows = row(1, "A", "B", "", "X", "Y") + row(2, "1", "2", "", "7", "8") + row(3, "3", "4")

    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))

    assert texts(parsed)[1:] == [
        ("table", "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |"),
        ("table", "| X | Y |\n| --- | --- |\n| 7 | 8 |"),
    ]


def test_it_keeps_a_table_whole_across_a_blank_row_and_a_blank_column(tmp_path: Path) -> None:
    rows = row(1, "Year", "", "Sum") + row(2, "2024", "", "10") + row(4, "2025", "", "12")

    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))

    assert texts(parsed)[1:] == [("table", "| Year | Sum |\n| --- | --- |\n| 2024 | 10 |\n| 2025 | 12 |")]


def test_it_repeats_merged_cells_in_the_header_and_down_the_rows(tmp_path: Path) -> None:
    rows = row(1, "Region", "Sales") + row(2, "", "Q1", "Q2") + row(3, "North", "1", "2") + row(4, "", "3", "4")
    merges = '<mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="B1:C1"/><mergeCell ref="A3:A4"/></mergeCells>'

    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"S": sheet(rows, merges)}))

    assert texts(parsed)[1:] == [
        ("table", "| Region | Sales / Q1 | Sales / Q2 |\n| --- | --- | --- |\n| North | 1 | 2 |\n| North | 3 | 4 |")
    ]


def test_it_reads_every_sheet_and_marks_hidden_ones(tmp_path: Path) -> None:
    sheets = {"Open": sheet(row(1, "a", "b")), "Blank": sheet(""), "Secret": sheet(row(1, "c", "d"))}

    parsed = read(office.xlsx(tmp_path / "a.xlsx", sheets, states={"Secret": "veryHidden"}))

    assert [block.text for block in parsed.blocks if block.kind == "heading"] == ["Open", "Secret (hidden)"]


def test_it_reads_notes_on_cells(tmp_path: Path) -> None:
    remarks = (
        f"<comments {office.SHEET}><authors><author>Ann</author></authors><commentList>"
        '<comment ref="B2" authorId="0"><text><t>Check this</t></text></comment></commentList></comments>'
    )
    more = {"xl/worksheets/_rels/sheet1.xml.rels": office.rels(("comments", "../n.xml")), "xl/n.xml": remarks}

    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"S": sheet(row(1, "a", "b"))}, more=more))

    assert texts(parsed)[-1] == ("note", "B2: Ann: Check this")


def test_it_escapes_what_markdown_would_take_for_cells(tmp_path: Path) -> None:
    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"S": sheet(row(1, "a|b", "two\nlines") + row(2, "1", "2"))}))

    assert parsed.blocks[1].text.split("\n")[0] == "| a\\|b | two<br>lines |"
    assert plain_text("xlsx", parsed).split("\n\n")[1].startswith("a|b\ttwo\nlines")


def test_it_believes_no_dimension_and_no_distant_cell(tmp_path: Path) -> None:
    """Security row 67: A1:XFD1048576 is a claim; memory follows the cells that are there."""
    far = '<row r="1048576"><c r="XFD1048576"><v>9</v></c></row>'
    claimed = sheet(row(1, "a", "b") + far).replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')

    parsed = read(office.xlsx(tmp_path / "a.xlsx", {"S": claimed}))

    assert texts(parsed)[1:] == [("table", "| a | b |\n| --- | --- |"), ("text", "9")]


@pytest.mark.parametrize(
    ("xml", "limits", "code"),
    [
        pytest.param(sheet(""), office.LIMITS, "empty", id="no cells"),
        pytest.param(sheet(row(1, "words")), ParseLimits(max_chars=3), "too-much-text", id="too long"),
        pytest.param(sheet(row(1, "a", "b"))[:-9], office.LIMITS, "broken", id="cut off"),
        pytest.param(
            '<!DOCTYPE d [<!ENTITY a "b">]>' + sheet(""), office.LIMITS, "xml-entities", id="row 68: entities"
        ),
    ],
)
def test_it_refuses_with_a_code(tmp_path: Path, xml: str, limits: ParseLimits, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(office.xlsx(tmp_path / "a.xlsx", {"S": xml}), limits=limits)

    assert refused.value.code == code


def test_it_counts_what_it_unpacks(tmp_path: Path) -> None:
    """Security row 67: 64 MiB of blanks in a file of 64 KiB are not unpacked to their end."""
    path = office.xlsx(tmp_path / "a.xlsx", {})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * (64 << 20))

    with pytest.raises(Refused) as refused:
        read(path)

    assert refused.value.code == "archive-bomb"


def test_it_reads_sheets_of_opendocument(tmp_path: Path) -> None:
    def cell(text: str, attributes: str = "") -> str:
        return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"

    rows: Iterable[str] = (
        cell("Region") + cell("Sales", 'table:number-columns-spanned="2"') + "<table:covered-table-cell/>",
        "<table:table-cell/>" + cell("Q1") + cell("Q2"),
        cell("North") + cell("50%", 'table:number-columns-repeated="2" office:value="0.5"'),
    )
    made = "".join(f"<table:table-row>{each}</table:table-row>" for each in rows)
    blank = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    note = f"<table:table-row>{cell('last')}</table:table-row>"
    body = f'<table:table table:name="T" table:style-name="ta1">{made}{blank}{note}</table:table>'
    styles = '<style:style style:name="ta1"><style:table-properties table:display="false"/></style:style>'

    parsed = ods.parse(office.Desk().task(office.odf(tmp_path / "a.ods", "spreadsheet", body, styles=styles)))

    assert texts(parsed) == [
        ("heading", "T (hidden)"),
        ("table", "| Region | Sales / Q1 | Sales / Q2 |\n| --- | --- | --- |\n| North | 50% | 50% |"),
        ("text", "last"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_finds_the_delimiter_of_a_csv(tmp_path: Path, delimiter: str) -> None:
    lines = [["name", "note"], ["Ann", 'says "x" ' + delimiter], ["Bob", "y"]]
    data = "\n".join(delimiter.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in each) for each in lines)

    parsed = read_csv(tmp_path, data.encode())

    mark = "\\|" if delimiter == "|" else delimiter.strip()
    assert parsed.blocks[0].text.split("\n")[2] == f'| Ann | says "x" {mark} |'.replace("  |", " |")
    assert parsed.facts["delimiter"] == ("tab" if delimiter == "\t" else delimiter)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030", "big5", "utf-32"])
def test_it_reads_a_csv_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    words = (
        "姓名,部門,預算說明\n王小明,研究部門,本系統支援全文檢索\n"
        if encoding == "big5"
        else "姓名,部门,说明\n张伟,研发部,年度预算三百万元\n"
    )

    parsed = read_csv(tmp_path, words.encode(encoding))

    assert parsed.blocks[0].text.split("\n")[2] == "| " + " | ".join(words.split("\n")[1].split(",")) + " |"


def test_it_takes_formulas_for_words_and_gives_a_csv_back_as_it_was(tmp_path: Path) -> None:
    """Security row 76: nothing is computed."""
    source = "name,note\n=cmd|' /C calc'!A0,\"a,a\"\n"

    parsed = read_csv(tmp_path, source.encode())

    assert plain_text("csv", parsed) == source.strip()


def test_it_reads_excels_own_hint_short_rows_and_a_title(tmp_path: Path) -> None:
    parsed = read_csv(tmp_path, b"sep=;\nBudget, 2026\na;b;c\n1;2\n1;2;3;4\n")

    assert texts(parsed) == [
        ("text", "Budget, 2026"),
        ("table", "| a | b | c |  |\n| --- | --- | --- | --- |\n| 1 | 2 |  |  |\n| 1 | 2 | 3 | 4 |"),
    ]


def test_it_reads_a_csv_without_a_delimiter_as_text(tmp_path: Path) -> None:
    assert texts(read_csv(tmp_path, b"Just one line.\n\nAnd another.\n"))[0][0] == "text"
