"""Reads Excel workbooks before 2007 (BIFF 2 to 8), by xlrd (BSD)."""

import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.locked import decipher
from apps.ingestion.parsers.number_format import BUILT_IN, GENERAL, shown
from apps.ingestion.parsers.sheets import Sheet
from apps.ingestion.parsers.tables import Merge
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

_EMPTY, _TEXT, _NUMBER, _DATE, _BOOLEAN, _ERROR = range(6)  # xlrd.biffh.XL_CELL_*
_DEFAULT_PASSWORD = "VelvetSweatshop"  # noqa: S105  Excel's own, for workbooks that are locked against changes only
_FAULTS = (
    *(ValueError, KeyError, IndexError, AssertionError, TypeError, AttributeError, OverflowError, OSError),
    *(struct.error, RecursionError),  # what xlrd lets through on damaged files
)


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a workbook, sheet by sheet."""
    book = _open(task)
    builder = Builder(task)
    for done, sheet in enumerate(book.sheets()):
        task.report(done, book.nsheets)
        name = f"{sheet.name} (hidden)" if sheet.visibility else sheet.name
        _read(book, sheet, task.limits.max_chars).write(builder, name)
    author = (book.user_name or "").strip()
    return builder.finish(facts={"author": author} if author else {})


def _open(task: Task) -> Any:
    """Return the workbook, deciphered with the password if it is locked. Raises Refused."""
    with Path(task.path).open("rb") as file:
        try:
            return _book(file)
        except Refused as refused:
            if refused.code != "encrypted":
                raise
        with tempfile.TemporaryFile() as plain:
            try:
                decipher(file, task.password or _DEFAULT_PASSWORD, plain)
            except Refused as refused:
                raise Refused("wrong-password" if task.password else "encrypted") from refused
            return _book(plain)


def _book(file: IO[bytes]) -> Any:
    import xlrd  # noqa: PLC0415  few workbooks are that old
    from xlrd.compdoc import CompDocError  # noqa: PLC0415

    file.seek(0)
    data = file.read()
    with Path(os.devnull).open("w") as log:
        try:
            return xlrd.open_workbook(file_contents=data, formatting_info=True, logfile=log)
        except xlrd.XLRDError as error:
            is_locked = "encrypted" in str(error).lower()
            raise Refused("encrypted" if is_locked else "broken", reason=str(error)[:200]) from error
        except (CompDocError, NotImplementedError, *_FAULTS):  # one bad style must not cost the words
            try:
                return xlrd.open_workbook(file_contents=data, logfile=log, ignore_workbook_corruption=True)
            except (xlrd.XLRDError, CompDocError, NotImplementedError, *_FAULTS) as error:
                raise Refused("broken", reason="xls") from error


def _read(book: Any, sheet: Any, limit: int) -> Sheet:
    """Return the cells of a sheet as they are shown. Raises Refused."""
    found = Sheet(limit)
    formats = _Formats(book)
    for number in range(sheet.nrows):
        cells = [(at, text) for at, text in enumerate(_texts(sheet, number, formats)) if text]
        found.add(number, [at for at, _text in cells], [text for _at, text in cells])
    for low, high, left, right in getattr(sheet, "merged_cells", ()):
        found.merges.append(Merge(low, left, high - low, right - left))
    notes = getattr(sheet, "cell_note_map", {})
    for (row, column), note in sorted(notes.items()):
        words = (note.text or "").strip()
        if words:
            found.notes.append(f"{_letters(column)}{row + 1}: {words}")
    return found


class _Formats:
    """Shows the values of cells."""

    def __init__(self, book: Any) -> None:
        self._book = book

    def text(self, kind: int, value: Any, style: int | None) -> str:
        """Return a value as it is shown."""
        if kind == _TEXT:
            return str(value).strip()
        if kind == _BOOLEAN:
            return "TRUE" if value else "FALSE"
        if kind == _ERROR:
            return _ERRORS.get(int(value), "#VALUE!")
        return shown(float(value), self._code(kind, style), is_1904=self._book.datemode == 1)

    def _code(self, kind: int, style: int | None) -> str:
        if style is not None and style < len(self._book.xf_list):
            key = self._book.xf_list[style].format_key
            found = self._book.format_map.get(key)
            code: str = found.format_str if found is not None else BUILT_IN.get(key, GENERAL)
            return BUILT_IN[14] if code.upper() == "M/D/YY" else code
        return f"{BUILT_IN[14]} h:mm" if kind == _DATE else GENERAL


_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}


def _texts(sheet: Any, row: int, formats: _Formats) -> Iterator[str]:
    kinds, values = sheet.row_types(row), sheet.row_values(row)
    for at, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        is_blank = kind not in {_TEXT, _NUMBER, _DATE, _BOOLEAN, _ERROR}
        styles = sheet.formatting_info
        yield "" if is_blank else formats.text(kind, value, sheet.cell_xf_index(row, at) if styles else None)


def _letters(column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
