"""Reads Excel workbooks (OOXML): every sheet, its values as they are shown, with notes, charts and pictures.

Sheets are read row by row, so that memory grows with their words and not with their XML.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.docx_styles import child, local, number, value
from apps.ingestion.parsers.locked import unlocked
from apps.ingestion.parsers.number_format import BUILT_IN, GENERAL, shown
from apps.ingestion.parsers.ooxml import Package, Relation, reference
from apps.ingestion.parsers.sheets import Sheet
from apps.ingestion.parsers.tables import Merge
from apps.ingestion.parsers.types import Refused, Task
from apps.ingestion.parsers.xlsx_drawing import read_drawing, read_notes
from apps.ingestion.parsers.xml_stream import elements
from apps.libraries.types import ParsedDocument

MAX_SHEETS = 2_000
MAX_MERGES = 100_000
MAX_COLUMN = 16_384
MAX_ROW = 1_048_576
_REFERENCE = re.compile(r"^\$?([A-Z]{1,3})\$?(\d{1,7})$")
_LETTERS = re.compile(r"^\$?[A-Z]{1,3}\$?$")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a workbook, sheet by sheet."""
    with unlocked(task) as file:
        return _Workbook(task, Package(file)).read()


@dataclass(frozen=True, slots=True)
class _Listed:
    """A sheet as the workbook lists it."""

    name: str
    part: str


class _Workbook:
    def __init__(self, task: Task, package: Package) -> None:
        self._task = task
        self._package = package
        main = package.main("xl/workbook.xml")
        root = package.xml(main)
        if root is None:
            raise Refused("broken", reason="no workbook")
        relations = package.relations(main)
        self._is_1904 = value(child(root, "workbookPr"), "date1904") in {"1", "true", "on"}
        self._sheets = _listed(root, relations)
        self._formats = _formats(package.spare_xml(_target(relations, "styles", "xl/styles.xml")))
        self._strings = self._shared_strings(_target(relations, "sharedStrings", "xl/sharedStrings.xml"))
        self._shown: dict[tuple[str, str], str] = {}

    def read(self) -> ParsedDocument:
        """Return the whole workbook. Raises Refused."""
        builder = Builder(self._task)
        for done, listed in enumerate(self._sheets):
            self._task.report(done, len(self._sheets))
            self._sheet(builder, listed)
        return builder.finish(facts=self._package.facts())

    def _shared_strings(self, part: str) -> list[str]:
        limit = self._task.limits.max_chars
        strings: list[str] = []
        chars = 0
        for element in elements(self._package.stream(part), part, ["{*}si"]):
            strings.append(rich_text(element))
            chars += len(strings[-1])
            if chars > limit:
                raise Refused("too-much-text", limit=limit)
        return strings

    def _sheet(self, builder: Builder, listed: _Listed) -> None:
        """Add the blocks of a sheet and of what lies over it. Raises Refused."""
        self._package.refuse_missing(listed.part)
        sheet = Sheet(self._task.limits.max_chars)
        drawings = self._cells(sheet, listed)
        relations = self._package.relations(listed.part)
        sheet.notes += read_notes(self._package, relations)
        has_heading = sheet.write(builder, listed.name)
        parts = [relations[key].target for key in drawings if key in relations]
        if parts and not has_heading:
            builder.heading(listed.name, 1)
        for part in parts:
            read_drawing(builder, self._package, part)
        builder.attach_packages(self._package, relations)

    def _cells(self, sheet: Sheet, listed: _Listed) -> list[str]:
        """Read the cells and merged ranges of a sheet; return the references to its drawings. Raises Refused."""
        drawings: list[str] = []
        row_number = 0
        pieces = self._package.stream(listed.part)
        for element in elements(pieces, listed.part, ["{*}row", "{*}mergeCell", "{*}drawing"]):
            name = local(element)
            if name == "row":
                row_number = number(value(element, "r"), row_number + 1)
                self._row(sheet, element, row_number)
            elif name == "drawing":
                drawings.append(reference(element))
            elif len(sheet.merges) < MAX_MERGES and (merge := _merge(value(element, "ref"))):
                sheet.merges.append(merge)
        return drawings

    def _row(self, sheet: Sheet, row: etree._Element, row_number: int) -> None:
        columns: list[int] = []
        texts: list[str] = []
        column = -1
        for cell in row:
            letters = cell.get("r", "").rstrip("0123456789")
            column = _column(letters) if letters else column + 1
            text = self._cell(cell)
            if text and column < MAX_COLUMN and (not columns or column > columns[-1]):
                columns.append(column)
                texts.append(text)
        sheet.add(row_number, columns, texts)

    def _cell(self, cell: etree._Element) -> str:
        """Return a cell's value as it is shown; a formula that was never computed as it is written."""
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return rich_text(cell).strip()
        raw = formula = ""
        for each in cell:
            name = local(each)
            if name == "v":
                raw = each.text or ""
            elif name == "f":
                formula = each.text or ""
        if not raw:
            return f"={formula}" if formula and kind != "str" else ""
        return self._value(kind, raw, cell.get("s", "0"))

    def _value(self, kind: str, raw: str, style: str) -> str:
        if kind == "s":
            if not self._strings:
                raise Refused("missing-part", part="xl/sharedStrings.xml")
            at = number(raw, -1)
            return self._strings[at].strip() if 0 <= at < len(self._strings) else ""
        if kind == "b":
            return "TRUE" if raw == "1" else "FALSE"
        if kind in {"str", "e", "d"}:
            return _plain(raw).strip()
        return self._number(raw, self._formats.get(style, GENERAL))

    def _number(self, raw: str, code: str) -> str:
        if code == GENERAL and raw.isdecimal():  # most cells
            return raw
        known = self._shown.get((raw, code))
        if known is None:
            try:
                known = shown(float(raw), code, is_1904=self._is_1904)
            except ValueError:
                known = raw.strip()
            if len(self._shown) < 100_000:  # noqa: PLR2004  a cache, bounded
                self._shown[raw, code] = known
        return known


def rich_text(element: etree._Element) -> str:
    """Return the text of a string item: its runs, without phonetic guides."""
    parts: list[str] = []
    for each in element.iter("{*}t"):
        above = each.getparent()
        if above is element or above is None or local(above) != "rPh":
            parts.append(each.text or "")
    return _plain("".join(parts))


def _plain(text: str) -> str:
    """Return text with the characters that XML cannot hold decoded from "_x000D_" (18.3.1.96, ST_Xstring)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _listed(root: etree._Element, relations: Mapping[str, Relation]) -> list[_Listed]:
    """Return the sheets in their order; the name of a hidden one says so."""
    found: list[_Listed] = []
    for element in root.iter("{*}sheet"):
        relation = relations.get(reference(element))
        is_hidden = value(element, "state") in {"hidden", "veryHidden"}
        if relation is not None and not relation.is_external:
            name = value(element, "name")
            found.append(_Listed(f"{name} (hidden)" if is_hidden else name, relation.target))
    return found[:MAX_SHEETS]


def _target(relations: Mapping[str, Relation], kind: str, default: str) -> str:
    return next((each.target for each in relations.values() if each.kind == kind), default)


def _formats(root: etree._Element | None) -> Mapping[str, str]:
    """Return the number format of each cell style, by the number by which cells refer to it."""
    if root is None:
        return {}
    own = {number(value(each, "numFmtId"), -1): value(each, "formatCode") for each in root.iter("{*}numFmt")}
    styles: Iterator[etree._Element] = iter(())
    for group in root:
        if local(group) == "cellXfs":
            styles = iter(group)
    codes = [number(value(each, "numFmtId")) for each in styles]
    return {str(at): own.get(code) or BUILT_IN.get(code, GENERAL) for at, code in enumerate(codes)}


@lru_cache(maxsize=MAX_COLUMN)
def _column(letters: str) -> int:
    """Return the number of a column from 0: "A" is 0, "AA" is 26; one beyond the last for what is no column."""
    at = 0
    if not _LETTERS.match(letters):
        return MAX_COLUMN
    for letter in letters.replace("$", ""):
        at = at * 26 + ord(letter) - ord("A") + 1
    return at - 1


def _merge(ref: str) -> Merge | None:
    first, _, last = ref.partition(":")
    start, end = _REFERENCE.match(first), _REFERENCE.match(last)
    if not start or not end:
        return None
    row, column = int(start[2]), _column(start[1])
    rows, columns = int(end[2]) - row + 1, _column(end[1]) - column + 1
    return Merge(row, column, rows, columns) if 0 < rows <= MAX_ROW and 0 < columns <= MAX_COLUMN else None
