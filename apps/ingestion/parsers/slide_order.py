"""Puts the shapes of a slide into the order in which people read them: by where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDE = 0.6  # of the region's width: what is wider runs across all columns
_TOUCH = 0.01  # shapes that overlap by less than this part of the slide do not


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a shape stands, as fractions of the slide: left, top, right, bottom."""

    x0: float
    y0: float
    x1: float
    y1: float


def reading_order(frames: Sequence[Frame]) -> list[int]:
    """Return the indexes of shapes in reading order: columns one after another, what is wide before or after them.

    A recursive cut (as in "XY-cut"), columns before rows; at most as deep as there are shapes.
    """
    ordered: list[int] = []
    stack = [list(range(len(frames)))]
    while stack:
        region = stack.pop()
        parts = _cut(region, frames) if len(region) > 1 else [region]
        if len(parts) == 1:
            ordered += sorted(region, key=lambda index: (frames[index].y0, frames[index].x0))
        else:
            stack += reversed(parts)
    return ordered


def _cut(region: list[int], frames: Sequence[Frame]) -> list[list[int]]:
    """Return a region's parts: its columns, else the band that is cut off at its top or bottom and the rest."""
    columns = _bands(region, [(frames[index].x0, frames[index].x1) for index in region])
    if len(columns) > 1:
        return columns
    rows = _bands(region, [(frames[index].y0, frames[index].y1) for index in region])
    if len(rows) == 1:
        return rows
    width = max(frames[index].x1 for index in region) - min(frames[index].x0 for index in region)
    for at in (0, -1):
        if len(rows[at]) == 1 and frames[rows[at][0]].x1 - frames[rows[at][0]].x0 > width * _WIDE:
            rest = [index for row in (rows[1:] if at == 0 else rows[:-1]) for index in row]
            return [rows[0], rest] if at == 0 else [rest, rows[-1]]
    return [rows[0], [index for row in rows[1:] for index in row]]


def _bands(region: list[int], edges: list[tuple[float, float]]) -> list[list[int]]:
    """Return the shapes in groups that a clear gap along one axis separates."""
    groups: list[list[int]] = []
    reach = -1e9
    for place in sorted(range(len(region)), key=lambda place: edges[place]):
        low, high = edges[place]
        if not groups or low >= reach - _TOUCH:
            groups.append([])
        groups[-1].append(region[place])
        reach = max(reach, high)
    return groups
