"""Finds tables by the lines that are drawn around their cells."""

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pypdfium2.raw as pdfium

from apps.ingestion.parsers.cleaning import clean
from apps.ingestion.parsers.pdf_lines import Edges, Frame
from apps.ingestion.parsers.tables import Merge

MAX_SEGMENTS = 4_000  # of one path
MAX_RULES = 3_000
MAX_ROWS, MAX_COLUMNS = 300, 40
_THIN = 2.5  # points: a filled rectangle as thin as this is a rule
_SHORTEST = 5.0
_NEAR = 2.5  # rules so close are one, and meet across such a gap
_LOOK_BACK = 60  # rules on one line, before and beside the next
_MIN_RULES = 6  # two rows of two cells have three rules each way
_MIN_FILLED = 0.3  # of the cells hold text; a drawing's do not
_MARGIN = 10.0  # points: a column or row outside of the outermost rule is at least so wide
_MIN_TOLD = 0.6  # of the rows hold text
_CELL_CHARS = 4_000
_INSET = 0.5
_NUMBER = re.compile(r"[-+−(]?[\d.,% $€£¥]*\d[\d.,% $€£¥)]*$")
Way = Literal["level", "upright"]
LEVEL: Way = "level"
UPRIGHT: Way = "upright"


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line: `at` is its y (level) or x (upright), from `start` to `end`; in points from the top left."""

    way: Way
    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table on a page: where it stands, its cells row by row ("" where a merged cell covers them), merged ranges."""

    edges: Edges
    rows: tuple[tuple[str, ...], ...]
    merges: tuple[Merge, ...] = ()


def ruled_tables(paths: Sequence[object], text: object, frame: Frame) -> list[Table]:
    """Return the tables that paths rule on a page that is not turned, from top to bottom."""
    if frame.turns or not paths:
        return []
    rules = _joined([rule for rule in _rules(paths, frame) if rule.end - rule.start >= _SHORTEST])
    if len(rules) < _MIN_RULES:
        return []
    found = [_table(group, text, frame) for group in _groups(rules)]
    return sorted((table for table in found if table), key=lambda table: table.edges[1])


def _rules(paths: Sequence[object], frame: Frame) -> Iterator[Rule]:
    """Yield the straight, level or upright lines that are drawn on a page."""
    edges = [ctypes.c_float() for _edge in range(4)]
    references = [ctypes.byref(edge) for edge in edges]
    for each in paths:
        if not pdfium.FPDFPageObj_GetBounds(each, *references):
            continue
        left, bottom, right, top = (edge.value for edge in edges)
        box = frame.shown(left, top, right, bottom)
        if right - left <= _THIN or top - bottom <= _THIN:
            yield _thin(box)
        elif pdfium.FPDFPath_CountSegments(each) <= MAX_SEGMENTS and _is_stroked(each):
            yield from _strokes(each, frame)


def _thin(box: Edges) -> Rule:
    x0, y0, x1, y1 = box
    return Rule(LEVEL, (y0 + y1) / 2, x0, x1) if x1 - x0 >= y1 - y0 else Rule(UPRIGHT, (x0 + x1) / 2, y0, y1)


def _is_stroked(path: object) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(pdfium.FPDFPath_GetDrawMode(path, ctypes.byref(fill), ctypes.byref(stroke)) and stroke.value)


def _strokes(path: object, frame: Frame) -> Iterator[Rule]:
    """Yield the level and upright segments of a path; paths with curves are drawings and yield none."""
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(path, ctypes.byref(matrix)):
        return
    before: tuple[float, float] | None = None
    first: tuple[float, float] | None = None
    x, y = ctypes.c_float(), ctypes.c_float()
    rules = []
    for at in range(pdfium.FPDFPath_CountSegments(path)):
        segment = pdfium.FPDFPath_GetPathSegment(path, at)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO or not pdfium.FPDFPathSegment_GetPoint(
            segment, ctypes.byref(x), ctypes.byref(y)
        ):
            return
        across = matrix.a * x.value + matrix.c * y.value + matrix.e
        up = matrix.b * x.value + matrix.d * y.value + matrix.f
        point = frame.shown(across, up, across, up)[:2]
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif before is not None:
            rules.append((before, point))
        before = point
        if pdfium.FPDFPathSegment_GetClose(segment) and first is not None:
            rules.append((point, first))
    yield from (rule for begin, end in rules if (rule := _straight(begin, end)))


def _straight(begin: tuple[float, float], end: tuple[float, float]) -> Rule | None:
    if abs(begin[1] - end[1]) <= 1:
        return Rule(LEVEL, (begin[1] + end[1]) / 2, min(begin[0], end[0]), max(begin[0], end[0]))
    if abs(begin[0] - end[0]) <= 1:
        return Rule(UPRIGHT, (begin[0] + end[0]) / 2, min(begin[1], end[1]), max(begin[1], end[1]))
    return None


def _joined(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules with those as one that lie on one line and touch."""
    joined: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (rule.way, rule.at, rule.start))[:MAX_RULES]:
        at = _touched(joined, rule)
        if at is None:
            joined.append(rule)
        else:
            other = joined[at]
            joined[at] = Rule(rule.way, other.at, min(rule.start, other.start), max(rule.end, other.end))
    return joined


def _touched(joined: Sequence[Rule], rule: Rule) -> int | None:
    """Return the index of a rule that lies on the same line as the next one and touches it."""
    for at in range(len(joined) - 1, max(-1, len(joined) - _LOOK_BACK), -1):
        other = joined[at]
        if other.way != rule.way or rule.at - other.at > _NEAR:
            return None
        if rule.start <= other.end + _NEAR and rule.end >= other.start - _NEAR:
            return at
    return None


def _groups(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Return the rules that cross or touch each other, group by group."""
    level = [rule for rule in rules if rule.way == LEVEL]
    upright = [rule for rule in rules if rule.way == UPRIGHT]
    groups: list[list[Rule]] = [[rule] for rule in level]
    for rule in upright:
        met = [group for group in groups if any(_meet(each, rule) for each in group if each.way == LEVEL)]
        if met:
            whole = [each for group in met for each in group] + [rule]
            groups = [group for group in groups if all(group is not other for other in met)] + [whole]
    return [group for group in groups if len(group) >= _MIN_RULES]


def _meet(level: Rule, upright: Rule) -> bool:
    return (
        level.start - _NEAR <= upright.at <= level.end + _NEAR
        and upright.start - _NEAR <= level.at <= upright.end + _NEAR
    )


def _table(rules: Sequence[Rule], text: object, frame: Frame) -> Table | None:
    """Return the table that rules make, None for frames and drawings."""
    level = [rule for rule in rules if rule.way == LEVEL]
    upright = [rule for rule in rules if rule.way == UPRIGHT]
    ys = _places([*(rule.at for rule in level), *_outer(upright, [rule.at for rule in level])])
    xs = _places([*(rule.at for rule in upright), *_outer(level, [rule.at for rule in upright])])
    rows, columns = len(ys) - 1, len(xs) - 1
    if not (2 <= rows <= MAX_ROWS and 2 <= columns <= MAX_COLUMNS):  # noqa: PLR2004  a table has two of each
        return None
    cells = [[""] * columns for _row in range(rows)]
    covered: set[tuple[int, int]] = set()
    merges = []
    for row in range(rows):
        for column in range(columns):
            if (row, column) in covered:
                continue
            high, wide = _span(rules, ys, xs, row, column)
            covered |= {(row + down, column + right) for down in range(high) for right in range(wide)}
            cells[row][column] = _text(text, frame, (xs[column], ys[row], xs[column + wide], ys[row + high]))
            if high > 1 or wide > 1:
                merges.append(Merge(row, column, high, wide))
    filled = sum(bool(cell) for line in cells for cell in line)
    told = sum(any(line[at] for line in cells) for at in range(columns))
    merged = sum(merge.rows * merge.columns - 1 for merge in merges)
    if sum(any(line) for line in cells) < _MIN_TOLD * rows:  # the grid of a chart has numbers at its edges only
        return None
    if filled < _MIN_FILLED * (rows * columns - merged) or told < 2 or filled < 3:  # noqa: PLR2004
        return None
    apart, moved = _unstacked(cells, merges)
    return Table((xs[0], ys[0], xs[-1], ys[-1]), tuple(map(tuple, apart)), tuple(moved))


def _unstacked(cells: Sequence[Sequence[str]], merges: Sequence[Merge]) -> tuple[list[list[str]], list[Merge]]:
    """Return the rows with those as several that hold several rows of numbers between two rules.

    A cell of one line beside them stands for each of them.
    """
    rows: list[list[str]] = []
    starts = []
    for row in cells:
        starts.append(len(rows))
        lines = [cell.split("\n") for cell in row]
        high = max(map(len, lines))
        numbers = sum(len(each) == high and all(map(_NUMBER.match, each)) for each in lines)
        if high > 1 and numbers > 1 and all(len(each) in (1, high) for each in lines):
            rows += [[each[at] if len(each) == high else each[0] for each in lines] for at in range(high)]
        else:
            rows.append(list(row))
    starts.append(len(rows))
    moved = [
        Merge(starts[each.row], each.column, starts[each.row + each.rows] - starts[each.row], each.columns)
        for each in merges
    ]
    return rows, moved


def _outer(rules: Sequence[Rule], across: Sequence[float]) -> list[float]:
    """Return where a table ends that has no rule at its edge: where several rules end, well beyond the last one."""
    first, last = min(rule.start for rule in rules), max(rule.end for rule in rules)
    found = []
    if first < min(across) - _MARGIN and sum(rule.start <= first + _NEAR for rule in rules) > 1:
        found.append(first)
    if last > max(across) + _MARGIN and sum(rule.end >= last - _NEAR for rule in rules) > 1:
        found.append(last)
    return found


def _places(values: Sequence[float]) -> list[float]:
    """Return distinct positions in order; those next to each other are one."""
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _NEAR:
            places.append(value)
    return places


def _span(rules: Sequence[Rule], ys: Sequence[float], xs: Sequence[float], row: int, column: int) -> tuple[int, int]:
    """Return over how many rows and columns the cell that begins here goes: until the next rule."""
    wide = 1
    while column + wide < len(xs) - 1 and not _is_ruled(rules, UPRIGHT, xs[column + wide], ys[row], ys[row + 1]):
        wide += 1
    high = 1
    while row + high < len(ys) - 1 and not _is_ruled(rules, LEVEL, ys[row + high], xs[column], xs[column + 1]):
        high += 1
    return high, wide


def _is_ruled(rules: Sequence[Rule], way: Way, at: float, start: float, end: float) -> bool:
    middle = (start + end) / 2
    return any(rule.way == way and abs(rule.at - at) <= _NEAR and rule.start <= middle <= rule.end for rule in rules)


def _text(text: object, frame: Frame, edges: Edges) -> str:
    """Return what stands in a rectangle (points from the top left)."""
    x0, y0, x1, y1 = edges
    left, right = frame.left + x0 + _INSET, frame.left + x1 - _INSET
    top, bottom = frame.top - y0 - _INSET, frame.top - y1 + _INSET
    count = pdfium.FPDFText_GetBoundedText(text, left, top, right, bottom, None, 0)
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (min(count, _CELL_CHARS) + 1))()
    written = pdfium.FPDFText_GetBoundedText(text, left, top, right, bottom, buffer, len(buffer))
    raw = bytes(memoryview(buffer)[: max(0, written)]).decode("utf-16-le", errors="replace")
    return _reflowed(clean(raw.replace("\ufffe", "-")).replace("\x00", ""))


def _reflowed(text: str) -> str:
    """Return the lines of a cell; those that only wrap are joined by the reader of tables as <br>."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
