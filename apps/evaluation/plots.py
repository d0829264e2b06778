"""Plots as the numbers of an SVG: the templates draw them with the tokens of the theme. Plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 640.0, 200.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 110.0, 10.0, 24.0  # room for the labels
LABEL_GAP = 15.0  # between the labels of two lines that end together
BARS = 18


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a line with the words that its tooltip has, and where it leads."""

    x: float
    y: float
    title: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its label at its end; `number` chooses the stroke."""

    name: str
    number: int
    points: str
    dots: Sequence[Dot]
    label_y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """All that a template draws; empty where there is nothing to show."""

    lines: Sequence[Line] = ()
    bars: Sequence[Bar] = ()
    across: Sequence[Tick] = ()
    up: Sequence[Tick] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM
    table: Sequence[Sequence[str]] = field(default=())  # the same for readers of the screen


@dataclass(frozen=True, slots=True)
class Point:
    """A value 0 to 1 at a place of the axis; None: there is none here."""

    value: float | None
    title: str = ""
    href: str = ""


def shares(series: Mapping[str, Sequence[Point]], across: Sequence[str]) -> Plot:
    """Return lines of shares 0 to 1 over the labels in `across`; labels that would touch are left out."""
    filled = {name: points for name, points in series.items() if any(point.value is not None for point in points)}
    least = min((point.value for points in filled.values() for point in points if point.value is not None), default=0.0)
    floor = max(0.0, (int(least * 10) - 1) / 10) if least > 0.3 else 0.0  # noqa: PLR2004  (else the axis begins at 0)
    lines = [_line(name, number, points, floor) for number, (name, points) in enumerate(filled.items())]
    step = max(1, -(-len(across) // 10))
    bottom = [Tick(_x(place, len(across)), text) for place, text in enumerate(across) if place % step == 0]
    ticks = [Tick(_y(value, floor), f"{value:.2f}") for value in (floor, round((floor + 1) / 2, 2), 1.0)]
    return Plot(lines=_spread(lines), across=bottom, up=ticks) if lines else Plot()


def histogram(values: Sequence[float], *, unit: str = "ms") -> Plot:
    """Return how many values there are of each size; the slowest hundredth shares the last bar."""
    if not values:
        return Plot()
    ordered = sorted(values)
    top = max(ordered[int(len(ordered) * 0.99) - 1 if len(ordered) > BARS else -1], 1e-9)
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, int(value / top * BARS))] += 1
    width, highest = (WIDTH - LEFT - 8) / BARS, max(counts)
    bars = [
        _bar(place, count, width, highest, f"{top * place / BARS:.0f}–{top * (place + 1) / BARS:.0f} {unit}: {count}")
        for place, count in enumerate(counts)
        if count
    ]
    ends = [Tick(LEFT + width * place, f"{top * place / BARS:.0f} {unit}") for place in (0, BARS // 3, 2 * BARS // 3)]
    return Plot(bars=bars, across=ends, up=[Tick(TOP, str(highest))], right=WIDTH - 8)


def _bar(place: int, count: int, width: float, highest: int, title: str) -> Bar:
    height = max(2.0, (HEIGHT - BOTTOM - TOP) * count / highest)
    x, y = LEFT + place * width + 1, HEIGHT - BOTTOM - height
    return Bar(round(x, 1), round(y, 1), round(width - 2, 1), round(height, 1), title)


def _line(name: str, number: int, points: Sequence[Point], floor: float) -> Line:
    dots = [
        Dot(round(_x(place, len(points)), 1), round(_y(point.value, floor), 1), point.title, point.href)
        for place, point in enumerate(points)
        if point.value is not None
    ]
    drawn = " ".join(f"{dot.x},{dot.y}" for dot in dots)
    return Line(name, number, drawn, dots, dots[-1].y)


def _spread(lines: Sequence[Line]) -> list[Line]:
    """Move labels apart that would cover one another."""
    placed: list[Line] = []
    last = -LABEL_GAP
    for line in sorted(lines, key=lambda each: each.label_y):
        last = max(line.label_y, last + LABEL_GAP)
        placed.append(Line(line.name, line.number, line.points, line.dots, round(last, 1)))
    over = max(0.0, last - (HEIGHT - BOTTOM))
    return [Line(each.name, each.number, each.points, each.dots, round(each.label_y - over, 1)) for each in placed]


def _x(place: int, count: int) -> float:
    room = WIDTH - LEFT - RIGHT
    return LEFT + (room * place / (count - 1) if count > 1 else room / 2)


def _y(value: float, floor: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - floor) / (1 - floor))
