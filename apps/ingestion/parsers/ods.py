"""Reads OpenDocument spreadsheets row by row; cells hold their values as they are shown."""

from lxml import etree

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.docx_styles import child, local, number, value
from apps.ingestion.parsers.odf import OdfPackage, annotation, gather, opened, row_cells
from apps.ingestion.parsers.sheets import Sheet
from apps.ingestion.parsers.tables import Merge
from apps.ingestion.parsers.types import Refused, Task
from apps.ingestion.parsers.xml_stream import elements
from apps.libraries.types import ParsedDocument

MAX_REPEATED_ROWS = 10_000  # of a row that says something
MAX_REPEATED_CELLS = 1_000
MAX_NOTES = 5_000


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a spreadsheet, sheet by sheet."""
    with opened(task) as package:
        return _read(task, package)


def _read(task: Task, package: OdfPackage) -> ParsedDocument:
    builder = Builder(task)
    reader = _Reader(task, package)
    sheets = 0
    for row in elements(package.stream("content.xml"), "content.xml", ["{*}table-row"]):
        table = _table_of(row)
        if table is None:
            continue
        if table is not reader.table:
            task.report(sheets, sheets + 1)
            sheets += 1
            reader.write(builder)
            reader.turn_to(table)
        reader.row(row)
    reader.write(builder)
    return builder.finish(facts=package.facts())


def _table_of(row: etree._Element) -> etree._Element | None:
    """Return the sheet of a row, None for rows of tables within cells or charts."""
    above = row.getparent()
    while above is not None and local(above) != "table":
        above = above.getparent()
    parent = above.getparent() if above is not None else None
    return above if parent is not None and local(parent) == "spreadsheet" else None


class _Reader:
    def __init__(self, task: Task, package: OdfPackage) -> None:
        self._limit = task.limits.max_chars
        self._package = package
        self._sheet = Sheet(self._limit)
        self._number = 0
        self.table: etree._Element | None = None

    def turn_to(self, table: etree._Element) -> None:
        """Begin a sheet."""
        self._sheet = Sheet(self._limit)
        self._number = 0
        self.table = table

    def write(self, builder: Builder) -> None:
        """Add the blocks of the sheet that has ended."""
        if self.table is None:
            return
        name = value(self.table, "name")
        is_hidden = self._package.styles.is_hidden(value(self.table, "style-name"))
        self._sheet.write(builder, f"{name} (hidden)" if is_hidden else name)

    def row(self, row: etree._Element) -> None:
        """Add a row as often as it is repeated. Raises Refused."""
        columns: list[int] = []
        texts: list[str] = []
        column = 0
        for cell, times in row_cells(row):
            text = self._cell(cell, column)
            if text:
                for at in range(column, column + min(times, MAX_REPEATED_CELLS)):
                    columns.append(at)
                    texts.append(text)
            column += times
        times = max(1, number(value(row, "number-rows-repeated"), 1))
        for at in range(min(times, MAX_REPEATED_ROWS) if columns else 0):
            self._sheet.add(self._number + at, columns, texts)
        self._number += times

    def _cell(self, cell: etree._Element, column: int) -> str:
        """Return what a cell shows; note its merged range and its comment."""
        if local(cell) != "table-cell":
            return ""
        rows, columns = number(value(cell, "number-rows-spanned"), 1), number(value(cell, "number-columns-spanned"), 1)
        if rows > 1 or columns > 1:
            self._sheet.merges.append(Merge(self._number, column, rows, columns))
        remark = child(cell, "annotation")
        if remark is not None and len(self._sheet.notes) < MAX_NOTES and (words := annotation(remark)):
            self._sheet.notes.append(words)
        lines = [gather(each).text for each in cell if local(each) == "p"]
        text = "\n".join(line for line in lines if line)
        if len(text) > self._limit:
            raise Refused("too-much-text", limit=self._limit)
        return text or value(cell, "value")
