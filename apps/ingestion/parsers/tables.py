"""Lays out tables: merged cells, headers of several rows, markdown. Used by every format with cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.ingestion.parsers.cleaning import one_line, squeeze

MAX_HEADER_ROWS = 4
MAX_SPAN = 1_000


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged range: the place of its first cell and how many rows and columns it covers."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as documents write it: its text, how far it spans, and whether it goes on from the row above."""

    text: str
    columns: int = 1
    rows: int = 1
    goes_on: bool = False


def cell_line(text: str) -> str:
    """Return the text of a cell as markdown has it: one line, `|` escaped, line ends as <br>."""
    if "\n" not in text and "|" not in text and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    lines = [one_line(line) for line in squeeze(text).split("\n")]
    return "<br>".join(line for line in lines if line).replace("|", "\\|")


def grid(rows: Sequence[Sequence[Cell]]) -> tuple[list[list[str]], list[Merge]]:
    """Return the texts of a table column by column, and its merged ranges. Spans of rows leave room below them."""
    texts: list[list[str]] = []
    merges: list[Merge] = []
    taken: dict[int, int] = {}  # column -> first row that is free again
    for number, row in enumerate(rows):
        line: list[str] = []
        for cell in row:
            while taken.get(len(line), 0) > number:
                line.append("")
            columns, height = min(MAX_SPAN, max(1, cell.columns)), min(len(rows) - number, max(1, cell.rows))
            if columns > 1 or height > 1:
                merges.append(Merge(number, len(line), height, columns))
            if height > 1:
                taken |= dict.fromkeys(range(len(line), len(line) + columns), number + height)
            if cell.goes_on:
                _lengthen(merges, number, len(line), columns)
            line += ["" if cell.goes_on else cell.text, *[""] * (columns - 1)]
        texts.append(line)
    return texts, merges


def _lengthen(merges: list[Merge], row: int, column: int, columns: int) -> None:
    """Let the merged range above a cell that goes on reach down to it, starting one where none was known."""
    for index in range(len(merges) - 1, -1, -1):
        above = merges[index]
        if above.column == column and above.row + above.rows == row:
            merges[index] = Merge(above.row, column, above.rows + 1, above.columns)
            return
    if row:
        merges.append(Merge(row - 1, column, 2, columns))


def header_rows(rows: Sequence[Sequence[str]], merges: Sequence[Merge], marked: int = 0) -> int:
    """Return how many rows the header has: those that the document marks, else as merged cells tell.

    A cell above several columns may have a row below it that tells them apart. That row says nothing below the cells
    that are not merged; one that does is the first of the data.
    """
    if 0 < marked < len(rows):
        return min(marked, MAX_HEADER_ROWS)
    count = 1
    while count < len(rows) and count <= MAX_HEADER_ROWS and _tells_apart(rows, merges, count):
        count += 1
    return count if count < len(rows) and count <= MAX_HEADER_ROWS else 1


def _tells_apart(rows: Sequence[Sequence[str]], merges: Sequence[Merge], row: int) -> bool:
    """Return whether a row names the columns below the wide cells of the row above it."""
    wide = [merge for merge in merges if merge.row + merge.rows == row and merge.columns > 1]
    under = {column for merge in wide for column in range(merge.column, merge.column + merge.columns)}
    beside = [at for at in range(min(len(rows[row - 1]), len(rows[row]))) if at not in under]
    names = [rows[row][at] for at in sorted(under) if at < len(rows[row]) and rows[row][at]]
    is_free = not any(rows[row - 1][at] and rows[row][at] for at in beside)
    return bool(names) and is_free and not all(name[:1].isdigit() for name in names)


def fill(rows: list[list[str]], merges: Sequence[Merge], header: int) -> None:
    """Repeat merged cells: down in every row that they cover, so that a row says all; across in the header only."""
    for merge in merges:
        if merge.row >= len(rows) or merge.column >= len(rows[merge.row]):
            continue
        text = rows[merge.row][merge.column]
        across = merge.columns if merge.row < header else 1
        for row in rows[merge.row : merge.row + merge.rows]:
            for column in range(merge.column, min(merge.column + across, len(row))):
                row[column] = row[column] or text


def join_header(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return header rows as one: "2026 / Q1"."""
    width = max(map(len, rows))
    columns = [[row[at] if at < len(row) else "" for row in rows] for at in range(width)]
    return [" / ".join(_without_repeats(column)) for column in columns]


def _without_repeats(texts: Sequence[str]) -> list[str]:
    said = [text for text in texts if text]
    return said[:1] + [below for above, below in pairwise(said) if below != above]


def markdown(rows: Sequence[Sequence[str]], merges: Sequence[Merge] = (), marked_header: int = 0) -> str:
    """Return a table as markdown, "" without any text; columns and rows without text are dropped.

    The cells are texts as they stand in the document, one list a row, "" where a merged cell covers them.
    """
    width = max(map(len, rows), default=0)
    cells = [[*map(cell_line, row), *[""] * (width - len(row))] for row in rows]
    header = header_rows(cells, merges, marked_header)
    used = [at for at in range(width) if any(row[at] for row in cells)]
    has_text = [any(row) for row in cells]
    if not any(has_text):
        return ""
    fill(cells, merges, header)
    body = [row for row, told in zip(cells[header:], has_text[header:], strict=True) if told]
    return lines_of([join_header(cells[:header]), *body], used)


def lines_of(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> str:
    """Return rows whose cells are ready as markdown; the first is the header."""
    lines = ["| " + " | ".join(row[at] for at in columns) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(columns))
    return "\n".join(lines)
