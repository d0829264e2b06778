"""Finds tables without rules: rows of short pieces that stand in the same columns. Careful: prose is never a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from apps.ingestion.parsers.cleaning import is_cjk
from apps.ingestion.parsers.pdf_lines import Line

MIN_ROWS = 3
MIN_ROWS_OF_TWO = 4  # tables of two columns look like many other things
MAX_COLUMNS = 25
_LEVEL = 6.0  # twice the points by which pieces of one row may differ in height
_MIN_FILLED = 0.6  # of all cells
_MIN_IN_COLUMN = 0.34  # of a column's cells
_MAX_GAP = 2.6  # font sizes between the base lines of two rows
_LONG = 60  # characters, a Han one counts double: more is a sentence
_MAX_LONG = 0.25
_PROSE = 28  # the usual width of a line in a narrow column of text
_MAX_FORMULAS = 0.25
_FORMULA = re.compile("[=∈∉⊂⊆∪∩∀∃→⇒⇔∑∏∫√∞≤≥≠≈]")
_MARK = re.compile(
    r"(?:[•·●○▪■□◦‣➢➤◆–—*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.):、]|\[\d+\]|[((][一二三四五六七八九十\d]+[))])$"
)
_LEADER = re.compile(r"(?:\. ?){4,}|…{2,}|·{4,}")


@dataclass(frozen=True, slots=True)
class Row:
    """Pieces on one base line, from left to right."""

    lines: tuple[Line, ...]

    @property
    def middle(self) -> float:
        """Return the height it stands at."""
        return (self.lines[0].y0 + self.lines[0].y1) / 2

    @property
    def size(self) -> float:
        """Return its font size."""
        return max(line.size for line in self.lines)


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows that make a table: the text of each cell, and the lines it is made of."""

    cells: tuple[tuple[str, ...], ...]
    lines: tuple[Line, ...]


def grids_of(lines: Sequence[Line]) -> list[Grid]:
    """Return the tables among the upright lines of one column of a page, from top to bottom."""
    middles = sorted(line.y0 + line.y1 for line in lines)
    if sum(after - before < _LEVEL for before, after in pairwise(middles)) < MIN_ROWS:  # nearly every column of text
        return []
    rows = _rows(lines)
    found = []
    for run in _runs(rows):
        grid = _grid(run)
        if grid is not None:
            found.append(grid)
    return found


def _rows(lines: Sequence[Line]) -> list[Row]:
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.y0 + line.y1):
        middle = (line.y0 + line.y1) / 2
        if rows and rows[-1][0].y0 <= middle <= rows[-1][0].y1 and line.turn == 0:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [Row(tuple(sorted(row, key=lambda line: line.x0))) for row in rows]


def _runs(rows: Sequence[Row]) -> list[list[Row]]:
    """Return runs of close rows that begin and end with several pieces, and mostly have several."""
    runs: list[list[Row]] = []
    current: list[Row] = []
    for row in rows:
        is_close = bool(current) and row.middle - current[-1].middle <= _MAX_GAP * max(row.size, current[-1].size)
        single = sum(len(each.lines) == 1 for each in current[-2:]) if current else 0
        if current and (not is_close or (len(row.lines) == 1 and single >= 2)):  # noqa: PLR2004
            runs.append(current)
            current = []
        if current or len(row.lines) > 1:
            current.append(row)
    runs.append(current)
    return [trimmed for run in runs if len(trimmed := _trimmed(run)) >= MIN_ROWS]


def _trimmed(run: list[Row]) -> list[Row]:
    end = len(run)
    while end and len(run[end - 1].lines) == 1:
        end -= 1
    return run[:end]


def _grid(run: Sequence[Row]) -> Grid | None:
    """Return the run as a table if its pieces stand in columns, else None."""
    full = [row for row in run if len(row.lines) > 1]
    columns = _columns(full)
    if not 2 <= len(columns) <= MAX_COLUMNS or len(full) < (MIN_ROWS_OF_TWO if len(columns) == 2 else MIN_ROWS):  # noqa: PLR2004
        return None
    cells: list[list[str]] = []
    for row in run:
        placed = _placed(row, columns)
        if placed is None:
            return None
        before = cells[-1] if cells else None
        if before is not None and _goes_on(row, placed, run):
            cells[-1] = [f"{above}\n{text}".strip() for above, text in zip(before, placed, strict=True)]
        else:
            cells.append(placed)
    return (
        Grid(tuple(map(tuple, cells)), tuple(line for row in run for line in row.lines)) if _is_table(cells) else None
    )


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Return the (left, right) of the strips that pieces stand in, with blank strips between them."""
    spans = sorted((line.x0, line.x1) for row in rows for line in row.lines)
    strips: list[tuple[float, float]] = []
    gap = median(row.size for row in rows) * 0.6
    for x0, x1 in spans:
        if strips and x0 < strips[-1][1] + gap:
            strips[-1] = (strips[-1][0], max(strips[-1][1], x1))
        else:
            strips.append((x0, x1))
    return strips


def _placed(row: Row, columns: Sequence[tuple[float, float]]) -> list[str] | None:
    """Return the row's texts by column; None where one spans several: prose, or a heading between tables."""
    texts = [""] * len(columns)
    for line in row.lines:
        met = [at for at, (left, right) in enumerate(columns) if line.x0 < right and line.x1 > left]
        if not met or len(met) > 1:
            return None
        texts[met[0]] = f"{texts[met[0]]} {line.text}".strip()
    return texts


def _goes_on(row: Row, placed: Sequence[str], run: Sequence[Row]) -> bool:
    """Return whether a row only continues cells of the row above: fewer pieces, none in the first column, close."""
    at = run.index(row)
    step = row.middle - run[at - 1].middle
    return not placed[0] and step <= 1.35 * row.size


def _is_table(cells: Sequence[Sequence[str]]) -> bool:
    rows, columns = len(cells), len(cells[0])
    texts = [text for row in cells for text in row if text]
    if rows < MIN_ROWS or len(texts) < _MIN_FILLED * rows * columns:
        return False
    by_column = [[row[at] for row in cells if row[at]] for at in range(columns)]
    if any(len(column) < _MIN_IN_COLUMN * rows for column in by_column):
        return False
    if any(all(_MARK.match(text) for text in column) for column in by_column[:1]):  # a list
        return False
    return not _is_something_else(texts, by_column)


def _is_something_else(texts: Sequence[str], by_column: Sequence[Sequence[str]]) -> bool:
    """Return whether columns hold a table of contents, formulas or running text."""
    if any(_LEADER.search(text) for text in texts):
        return True
    if sum(_FORMULA.search(text) is not None for text in texts) > _MAX_FORMULAS * len(texts):
        return True
    if sum(median(map(_width, column)) > _PROSE for column in by_column) > 1:
        return True
    return sum(_width(text) > _LONG for text in texts) > _MAX_LONG * len(texts)


def _width(text: str) -> int:
    return sum(2 if is_cjk(char) else 1 for char in text[: 2 * _LONG])
