"""CSV as spreadsheets open it: UTF-8 by its mark, and no cell that runs as a formula (security case 76)."""

import csv
import io
from collections.abc import Sequence

BOM = "\ufeff"  # by which spreadsheets know UTF-8
_RISKY = ("=", "+", "-", "@", "\t", "\r")
_GUARD = "'"


def guarded(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    text = "" if value is None else str(value)
    if isinstance(value, int | float):
        return text
    return _GUARD + text if text.startswith(_RISKY) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell that an export guarded."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_RISKY) else cell


def csv_line(cells: Sequence[object]) -> str:
    """Return one line of guarded cells."""
    out = io.StringIO()
    csv.writer(out).writerow([guarded(cell) for cell in cells])
    return out.getvalue()
