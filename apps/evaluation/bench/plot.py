"""Draws how the search grows: an SVG with both axes logarithmic, so that a straight line is a power of the size."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, MARGIN = 720, 420, 60
LINES = (  # reader, figure, colour, dashes
    ("everything", "p50_ms", "#1f4e79", ""),
    ("everything", "p95_ms", "#1f4e79", "6 4"),
    ("one percent", "p50_ms", "#a23b2a", ""),
    ("one percent", "p95_ms", "#a23b2a", "6 4"),
)


def growth_plot(growth: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an SVG of milliseconds by chunks: for each size the median and the 95th percentile of both readers."""
    rows = sorted(growth.values(), key=lambda row: int(row["chunks"]))
    sizes = [int(row["chunks"]) for row in rows]
    times = [float(row[reader][figure]) for row in rows for reader, figure, *_ in LINES]
    across = _Axis(min(sizes), max(sizes), MARGIN, WIDTH - MARGIN)
    up = _Axis(min(times), max(times), HEIGHT - MARGIN, MARGIN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    parts += [_text(across.at(size), HEIGHT - MARGIN + 20, f"{size:,.0f}", "middle") for size in across.ticks()]
    for time in up.ticks():
        height = up.at(time)
        parts.append(f'<path d="M{MARGIN} {height:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/>')
        parts.append(_text(MARGIN - 8, height + 4, f"{time:g} ms", "end"))
    for place, (reader, figure, colour, dashes) in enumerate(LINES):
        points = [(across.at(size), up.at(float(row[reader][figure]))) for size, row in zip(sizes, rows, strict=True)]
        parts += _line(points, colour, dashes)
        parts.append(_text(MARGIN + 10, MARGIN - 40 + 14 * place, f"{reader}, {figure[:3]}", "start", colour))
    parts.append(_text(WIDTH / 2, HEIGHT - 12, "chunks", "middle"))
    return "\n".join([*parts, "</svg>"])


class _Axis:
    """A logarithmic axis between two places of the drawing."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._high = math.log10(max(low, 0.01)) - 0.1, math.log10(max(high, 0.01)) + 0.1
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """Return the place of a value."""
        share = (math.log10(max(value, 0.01)) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> Sequence[float]:
        """Return 1, 2 and 5 of each power of ten that lie on the axis."""
        values = [mantissa * 10.0**power for power in range(-2, 8) for mantissa in (1, 2, 5)]
        return [value for value in values if self._low <= math.log10(value) <= self._high]


def _line(points: Sequence[tuple[float, float]], colour: str, dashes: str) -> list[str]:
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return [f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>', *dots]


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
