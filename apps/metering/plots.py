"""Charts of use as the numbers of an SVG: the templates draw them with the tokens of the theme. Plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WIDTH, HEIGHT = 860.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 150.0, 12.0, 24.0  # room for the labels
LABEL_GAP = 16.0
MOST_SERIES = 6  # the rest is drawn together
MOST_TICKS = 8
CELL = 13.0
WEEK = 7


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column: what one series used in one step."""

    series: int
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """Words at a place; `series` gives the colour, -1 none."""

    x: float
    y: float
    text: str
    series: int = -1


@dataclass(frozen=True, slots=True)
class Stack:
    """A stacked chart; without bars there is nothing to show."""

    bars: Sequence[Bar] = ()
    across: Sequence[Label] = ()
    up: Sequence[Label] = ()
    names: Sequence[Label] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of a heatmap: `level` 0 (none) to 4 (much)."""

    x: float
    y: float
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Days as squares, a week a column."""

    cells: Sequence[Cell]
    months: Sequence[Label]
    width: float
    height: float


def top_series(totals: Mapping[str, float]) -> list[str]:
    """Return the names of the series with the most, the greatest first."""
    ranked = sorted((name for name in totals if totals[name] > 0), key=lambda name: -totals[name])
    return ranked[:MOST_SERIES]


def stacked(steps: Sequence[str], series: Mapping[str, Sequence[float]], say: Mapping[float, str]) -> Stack:
    """Return columns of the series, the first at the foot. `say` has the words for each amount that is drawn.

    `series` maps a name to one amount for each step; `say` also holds the words of the tick at the top.
    """
    totals = [sum(amounts[place] for amounts in series.values()) for place in range(len(steps))]
    highest = max(totals, default=0)
    if highest <= 0:
        return Stack()
    room, step_width = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT - RIGHT) / len(steps)
    bars, feet = [], [0.0] * len(steps)
    for number, (name, amounts) in enumerate(series.items()):
        for place, amount in enumerate(amounts):
            if amount > 0:
                height = room * amount / highest
                feet[place] += height
                y = HEIGHT - BOTTOM - feet[place]
                title = f"{steps[place]} · {name}: {say.get(amount, amount)}"
                gap = min(2.0, step_width / 5)
                bars.append(_bar(number, LEFT + place * step_width, y, step_width - gap, (height, title)))
    every = max(1, -(-len(steps) // MOST_TICKS))
    across = [
        Label(round(LEFT + (place + 0.5) * step_width, 1), HEIGHT, text)
        for place, text in enumerate(steps)
        if place % every == 0
    ]
    up = [Label(LEFT - 8, TOP, say.get(highest, str(highest))), Label(LEFT - 8, HEIGHT - BOTTOM, "0")]
    return Stack(bars, across, up, _names(series, highest))


def _bar(series: int, x: float, y: float, width: float, shown: tuple[float, str]) -> Bar:
    return Bar(series, round(x, 1), round(y, 1), round(width, 1), round(max(shown[0], 0.6), 1), shown[1])


def _names(series: Mapping[str, Sequence[float]], highest: float) -> list[Label]:
    """Return each name beside the middle of its part of the last column that has any, moved apart where they touch."""
    room, foot, wanted = HEIGHT - TOP - BOTTOM, 0.0, []
    for number, (name, amounts) in enumerate(series.items()):
        height = room * amounts[-1] / highest
        wanted.append((HEIGHT - BOTTOM - foot - height / 2, number, name))
        foot += height
    placed, last = [], HEIGHT - BOTTOM + LABEL_GAP
    for y, number, name in sorted(wanted, reverse=True):
        last = min(y, last - LABEL_GAP)
        placed.append(Label(WIDTH - RIGHT + 10, round(last, 1), name, number))
    return placed


def heatmap(amounts: Mapping[date, int], today: date, weeks: int, words: Mapping[str, str]) -> Heatmap:
    """Return the last `weeks` weeks until today; `words` has "none", "some" with %(n)s, and the twelve months."""
    begins = today - timedelta(days=today.weekday() + WEEK * (weeks - 1))
    most = max(amounts.values(), default=0)
    cells, months = [], []
    for place in range((today - begins).days + 1):
        day = begins + timedelta(days=place)
        column, line = divmod(place, WEEK)
        amount = amounts.get(day, 0)
        said = words["some"] % {"n": amount} if amount else words["none"]
        cells.append(Cell(column * CELL, 16 + line * CELL, _level(amount, most), f"{day.isoformat()}: {said}"))
        if line == 0 and day.day <= WEEK:
            months.append(Label(column * CELL, 10, words[str(day.month)]))
    return Heatmap(cells, months, weeks * CELL, 16 + WEEK * CELL)


def _level(amount: int, most: int) -> int:
    return 0 if amount <= 0 else min(4, 1 + int(amount / most * 3.999))
