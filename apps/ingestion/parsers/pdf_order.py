"""Puts the lines of a page into reading order: columns one after the other, full-width lines in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.ingestion.parsers.cleaning import is_cjk
from apps.ingestion.parsers.pdf_lines import Line

MIN_COLUMN_LINES = 4
MAX_DEPTH = 4
_BIN = 2.0  # points
_MIN_GUTTER = 6.0  # points
_MARGIN = 0.15  # of the width, at both sides: a gutter lies between
_CROSSED = 0.06  # share of the lines' height that may cross a gutter unnoticed
_SPANNING = 0.62  # lines wider than this share of the region never decide where columns are
_MIN_FULL = 0.5  # most lines of a column are this full; a table's are not
_MIN_CHARS = 14
_MOSTLY = 0.6
_FEW = 6  # a jump up every so many lines is no disorder: boxes, notes, columns that were not seen
_MIN_OVERLAP = 0.4  # of the shorter column's height, side by side with the other


@dataclass(frozen=True, slots=True)
class Column:
    """Lines that are read one after the other, with the edges of the text there, in points."""

    lines: tuple[Line, ...]
    left: float
    right: float


def columns_of(lines: Sequence[Line]) -> list[Column]:
    """Return the columns of a page in reading order; text that is not upright comes last."""
    upright = [line for line in lines if line.turn == 0]
    turned = [line for line in lines if line.turn != 0]
    found = list(_split(upright, 0)) if upright else []
    if turned:
        found.append(_column(turned, is_kept=True))
    return found


def _split(lines: Sequence[Line], depth: int) -> Iterator[Column]:
    gutter = _gutter(lines) if depth < MAX_DEPTH and len(lines) >= 2 * MIN_COLUMN_LINES else None
    if gutter is None:
        yield _column(lines)
        return
    spanning = sorted((line for line in lines if line.x0 < gutter < line.x1), key=lambda line: line.y0)
    rest = [line for line in lines if not line.x0 < gutter < line.x1]
    across: list[Line] = []
    for line in [*spanning, None]:
        bottom = line.y0 if line else float("inf")
        band = [each for each in rest if each.y0 < bottom]
        if band:
            rest = [each for each in rest if each.y0 >= bottom]
            yield from _maybe(across)
            across = []
            yield from _sides(band, gutter, depth)
        if line:
            across.append(line)
    yield from _maybe(across)


def _maybe(lines: Sequence[Line]) -> Iterator[Column]:
    if lines:
        yield _column(lines)


def _sides(band: Sequence[Line], gutter: float, depth: int) -> Iterator[Column]:
    """Yield the columns left, then right of a gutter."""
    for side in ([line for line in band if line.x1 <= gutter], [line for line in band if line.x0 >= gutter]):
        if side:
            yield from _split(side, depth + 1)


def _column(lines: Sequence[Line], *, is_kept: bool = False) -> Column:
    ordered = tuple(lines if is_kept else _rows(lines))
    return Column(ordered, min(line.x0 for line in lines), max(line.x1 for line in lines))


def _rows(lines: Sequence[Line]) -> Sequence[Line]:
    """Return lines from top to bottom; the content's own order where that already runs so."""
    jumps = sum(after.y0 < before.y0 - before.size for before, after in pairwise(lines))
    if jumps <= max(1, len(lines) // _FEW):
        return lines
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: (line.y0 + line.y1) / 2):
        middle = (line.y0 + line.y1) / 2
        if rows and rows[-1][0].y0 <= middle <= rows[-1][0].y1:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.x0)]


def _gutter(lines: Sequence[Line]) -> float | None:
    """Return the middle of the blank strip between two columns of text, or None."""
    left, right = min(line.x0 for line in lines), max(line.x1 for line in lines)
    width = right - left
    if width < 10 * _MIN_GUTTER:
        return None
    narrow = [line for line in lines if line.x1 - line.x0 <= _SPANNING * width]
    if len(narrow) < 2 * MIN_COLUMN_LINES:
        return None
    candidates = sorted(_strips(narrow, left, width), key=lambda strip: strip[0] - strip[1])
    return next((middle for begin, end in candidates if _parts(narrow, middle := (begin + end) / 2)), None)


def _strips(lines: Sequence[Line], left: float, width: float) -> Iterator[tuple[float, float]]:
    """Yield the (begin, end) of vertical strips that hardly any line crosses."""
    bins = [0.0] * (int(width / _BIN) + 2)
    for line in lines:
        height = line.y1 - line.y0
        for at in range(max(0, int((line.x0 - left) / _BIN)), min(len(bins) - 1, int((line.x1 - left) / _BIN)) + 1):
            bins[at] += height
    allowed = _CROSSED * sum(line.y1 - line.y0 for line in lines)
    begin: int | None = None
    for at in range(int(_MARGIN * len(bins)), int((1 - _MARGIN) * len(bins)) + 1):
        if bins[at] <= allowed:
            begin = at if begin is None else begin
            continue
        if begin is not None and (at - begin) * _BIN >= _MIN_GUTTER:
            yield left + begin * _BIN, left + at * _BIN
        begin = None


def _parts(lines: Sequence[Line], middle: float) -> bool:
    """Return whether the lines on both sides of a strip look like columns of prose rather than of a table."""
    sides = [line for line in lines if line.x1 <= middle], [line for line in lines if line.x0 >= middle]
    if min(map(len, sides)) < MIN_COLUMN_LINES:
        return False
    spans = [(min(line.y0 for line in side), max(line.y1 for line in side)) for side in sides]
    overlap = min(spans[0][1], spans[1][1]) - max(spans[0][0], spans[1][0])
    if overlap < _MIN_OVERLAP * min(bottom - top for top, bottom in spans):
        return False
    return all(_is_prose(side) for side in sides)


def _is_prose(side: Sequence[Line]) -> bool:
    """Return whether most of the text stands in lines that fill the column and hold more than a label or number.

    Text is weighed by its length, so that the cells of a table within a column do not outvote it.
    """
    width = max(line.x1 for line in side) - min(line.x0 for line in side)
    lengths = [(sum(2 if is_cjk(char) else 1 for char in line.text[:120]), line.x1 - line.x0) for line in side]
    full = sum(chars for chars, extent in lengths if chars >= _MIN_CHARS and extent >= _MIN_FULL * width)
    return full >= _MOSTLY * sum(chars for chars, _extent in lengths)
