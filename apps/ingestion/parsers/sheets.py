"""Makes blocks of a sheet's cells: one table for each region, titles and remarks as text. Used by every spreadsheet.

A row is kept as two tuples, its columns and its texts, so that memory grows with the cells that say something and
not with the size that a sheet claims to have (security-cases row 67).
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.tables import Merge, cell_line, fill, header_rows, join_header, lines_of
from apps.ingestion.parsers.types import Refused

MAX_CELLS = 5_000_000  # of a sheet, blank ones within its tables included
_NUMBER = re.compile(r"^[(\-+]?[$€£¥]?\s?\d[\d.,:/\-% )]*$")
_TITLES = 6  # rows above a table that may hold its title


@dataclass(slots=True)
class Row:
    """The cells of a row that say something; columns count from 0 and rise."""

    number: int
    columns: tuple[int, ...]
    texts: tuple[str, ...]


class Sheet:
    """The rows of one sheet, added from the top."""

    def __init__(self, limit_chars: int) -> None:
        self._limit = limit_chars
        self._chars = 0
        self._cells = 0
        self._columns: dict[tuple[int, ...], tuple[int, ...]] = {}  # equal tuples are kept once
        self.rows: list[Row] = []
        self.merges: list[Merge] = []
        self.notes: list[str] = []

    def add(self, number: int, columns: Sequence[int], texts: Sequence[str]) -> None:
        """Add a row's cells that say something. Raises Refused when there is more text than a document may have."""
        if not columns:
            return
        self._chars += sum(map(len, texts))
        self._cells += len(columns)
        if self._chars > self._limit or self._cells > MAX_CELLS:
            raise Refused("too-much-text", limit=self._limit)
        key = tuple(columns)
        self.rows.append(Row(number, self._columns.setdefault(key, key), tuple(texts)))

    def write(self, builder: Builder, name: str) -> bool:
        """Add the sheet's heading and blocks; return whether there was anything."""
        if not self.rows and not self.notes:
            return False
        self.rows.sort(key=lambda row: row.number)
        builder.heading(name, 1)
        for rows in _segments(self.rows):
            for region in _regions(rows):
                _write_region(builder, region, self.merges, self._limit)
        for note in self.notes:
            builder.block(note, "note")
        return True


def _segments(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield runs of rows without a blank row between them; a table that goes on below a gap stays one."""
    segment: list[Row] = []
    for row in rows:
        if segment and _begins(row, segment):
            yield segment
            segment = []
        segment.append(row)
    if segment:
        yield segment


def _begins(row: Row, segment: list[Row]) -> bool:
    """Return whether a row begins another table: below a gap, or beside all columns of the row above."""
    last = segment[-1]
    if row.number > last.number + 1:
        return not _goes_on(segment, row)
    is_beside = row.columns[0] > last.columns[-1] or row.columns[-1] < last.columns[0]
    return is_beside and len(row.columns) > 1 and len(last.columns) > 1


def _goes_on(segment: list[Row], row: Row) -> bool:
    """Return whether a row below a gap belongs to the table above: the same columns, and numbers where it has some."""
    last = segment[-1]
    return (
        len(row.columns) > 1
        and len(segment) > 1
        and row.columns == last.columns
        and any(map(_NUMBER.match, row.texts))
        and [bool(_NUMBER.match(text)) for text in row.texts] == [bool(_NUMBER.match(text)) for text in last.texts]
    )


def _regions(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield the tables that stand side by side in a run of rows: a blank column parts those that differ in height."""
    spans = _column_spans(rows)
    if len(spans) == 1:
        yield rows
        return
    heights = {span: _height(rows, span) for span in spans}
    groups: list[tuple[int, int]] = []
    for span in spans:
        if groups and heights[span] == _height(rows, groups[-1]):
            groups[-1] = (groups[-1][0], span[1])
        else:
            groups.append(span)
    if any(_height(rows, group)[2] == 1 for group in groups) and len(groups) > 1:
        groups = [(groups[0][0], groups[-1][1])]  # a lone cell beside a table belongs to it
    for low, high in groups:
        cut = (_between(row, low, high) for row in rows)
        yield [row for row in cut if row.columns]


def _column_spans(rows: list[Row]) -> list[tuple[int, int]]:
    """Return the runs of columns in use, first and last."""
    used = sorted({column for columns in {row.columns for row in rows} for column in columns})
    spans: list[tuple[int, int]] = []
    for column in used:
        if spans and column == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], column)
        else:
            spans.append((column, column))
    return spans


def _height(rows: list[Row], span: tuple[int, int]) -> tuple[int, int, int]:
    """Return the first and last row that a run of columns has cells in, and how many cells at most in a row."""
    inside = [row for row in rows if bisect_left(row.columns, span[0]) < bisect_left(row.columns, span[1] + 1)]
    widest = max(bisect_left(row.columns, span[1] + 1) - bisect_left(row.columns, span[0]) for row in inside)
    return inside[0].number, inside[-1].number, min(2, widest)


def _between(row: Row, low: int, high: int) -> Row:
    start, end = bisect_left(row.columns, low), bisect_left(row.columns, high + 1)
    return Row(row.number, row.columns[start:end], row.texts[start:end])


def _write_region(builder: Builder, rows: list[Row], merges: Sequence[Merge], limit: int) -> None:
    """Add a region: its titles, its table, its remarks."""
    start, end = _body(rows)
    if start:
        builder.text("\n".join(row.texts[0] for row in rows[:start]))
    if end > start:
        builder.table(_table(rows[start:end], merges, limit))
    if end < len(rows):
        builder.text("\n".join(row.texts[0] for row in rows[end:]))


def _body(rows: list[Row]) -> tuple[int, int]:
    """Return where the table begins and ends: rows of a single cell above and below it are titles and remarks."""
    if all(len(row.columns) == 1 for row in rows):
        return len(rows), len(rows)
    start, end = 0, len(rows)
    while start < min(_TITLES, end) and len(rows[start].columns) == 1:
        start += 1
    if start == _TITLES:
        start = 0
    while end > start + 1 and len(rows[end - 1].columns) == 1 and not _NUMBER.match(rows[end - 1].texts[0]):
        end -= 1
    return start, end


def _table(rows: list[Row], merges: Sequence[Merge], limit: int) -> str:
    """Return rows as a markdown table, merged cells repeated down and in the header."""
    used = sorted({column for columns in {row.columns for row in rows} for column in columns})
    if len(used) * len(rows) > MAX_CELLS:
        raise Refused("too-much-text", limit=limit)
    place = {column: at for at, column in enumerate(used)}
    cells = [_cells(row, place) for row in rows]
    numbers = [row.number for row in rows]
    inside = [found for merge in merges if (found := _placed(merge, numbers, used)) is not None]
    header = header_rows(cells[:8], inside)
    fill(cells, inside, header)
    return lines_of([join_header(cells[:header]), *cells[header:]], range(len(used)))


def _cells(row: Row, place: dict[int, int]) -> list[str]:
    cells = [""] * len(place)
    for column, text in zip(row.columns, row.texts, strict=True):
        cells[place[column]] = cell_line(text)
    return cells


def _placed(merge: Merge, numbers: Sequence[int], used: Sequence[int]) -> Merge | None:
    """Return a merged range in terms of the rows and columns that are left, None if it lies elsewhere."""
    row, column = bisect_left(numbers, merge.row), bisect_left(used, merge.column)
    below, beside = bisect_left(numbers, merge.row + merge.rows), bisect_left(used, merge.column + merge.columns)
    is_here = row < len(numbers) and numbers[row] == merge.row and column < len(used) and used[column] == merge.column
    return Merge(row, column, below - row, beside - column) if is_here else None
