"""Sizes over time as small lines, drawn on the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.console.models import Sample

WIDTH, HEIGHT, EDGE = 240.0, 48.0, 3.0  # of the drawing, in its own units
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One size: its name, the last value, what was added since the first, and the points of a polyline."""

    title: str | Promise
    last: int
    added: int
    points: str
    is_bytes: bool


def growth(samples: Sequence[Sample]) -> list[Line]:
    """Return the lines of the overview; none before there are two samples."""
    if len(samples) < FEWEST:
        return []
    wanted = (
        (_("Database"), "database_bytes", True),
        (_("Originals"), "media_bytes", True),
        (_("Documents"), "documents", False),
        (_("Passages"), "chunks", False),
    )
    return [_line(title, [getattr(one, name) for one in samples], is_bytes) for title, name, is_bytes in wanted]


def _line(title: str | Promise, values: Sequence[int], is_bytes: bool) -> Line:  # noqa: FBT001 -- a column of the table above
    low, high = min(values), max(values)
    span = (high - low) or 1
    step = WIDTH / (len(values) - 1)
    points = " ".join(
        f"{place * step:.1f},{HEIGHT - EDGE - (value - low) / span * (HEIGHT - 2 * EDGE):.1f}"
        for place, value in enumerate(values)
    )
    return Line(title, values[-1], values[-1] - values[0], points, is_bytes)
