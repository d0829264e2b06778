"""Measures whether pictures mean what their prompts say: the bars that the demonstration model must pass.

What draws is a parameter, so that the same bars hold the raw pipeline and the product's engine.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from apps.runtimes.diffusion.demo.judging import Verdict, judge
from apps.runtimes.diffusion.demo.palette import BACKGROUNDS, COLOURS, SHAPES
from apps.runtimes.diffusion.demo.shapes import Pixels

LEAST_COLOUR = 0.90
LEAST_BACKGROUND = 0.95
LEAST_SHAPE = 0.80
LEAST_WEIGHTS = 0.90
# The ways to say it; {0} and {1} are the two weighted colours.
_WEIGHED = ("{0} and {1}", "{0} and {1} circle", "a {0} and {1} circle on a white background")
_HEAVY, _LIGHT = 1.6, 0.4


@dataclass(frozen=True, slots=True)
class Wish:
    """A picture to draw: a prompt as pieces of text with their weights, and the seed."""

    pieces: tuple[tuple[str, float], ...]
    seed: int

    @property
    def prompt(self) -> str:
        """The prompt in AUTOMATIC1111's grammar."""
        return "".join(text if weight == 1 else f"({text}:{weight})" for text, weight in self.pieces)


Draw = Callable[[Sequence[Wish]], list[Pixels]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Shares from 0 to 1 of pictures that are right, by what was asked."""

    pictures: int
    colours: dict[str, float]
    backgrounds: dict[str, float]
    shapes: dict[str, float]
    weights: dict[str, float]
    colour: float
    background: float
    shape: float

    @property
    def failures(self) -> list[str]:
        """The bars that are missed, in words."""
        bars = {
            "colour": (self.colour, LEAST_COLOUR),
            "background": (self.background, LEAST_BACKGROUND),
            "shape": (self.shape, LEAST_SHAPE),
            "weights": (min(self.weights.values()), LEAST_WEIGHTS),
        }
        return [f"{name} {value:.1%} < {least:.0%}" for name, (value, least) in bars.items() if value < least]


@dataclass(slots=True)
class _Tally:
    """Counts what was right, by the value that was asked for."""

    right: defaultdict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def add(self, asked: str, seen: str) -> None:
        self.right[asked].append(asked == seen)

    def shares(self) -> dict[str, float]:
        return {name: fmean(marks) for name, marks in self.right.items()}

    def share(self) -> float:
        return fmean(mark for marks in self.right.values() for mark in marks)


def measure(draw: Draw, *, seeds: int) -> Measured:
    """Draw and judge every colour and shape `seeds` times, each on the backgrounds in turn, and the weighted pairs."""
    asked = list(_combinations(seeds))
    verdicts = _judged(draw, [wish for wish, *_ in asked])
    colours, shapes, backgrounds = _Tally(), _Tally(), _Tally()
    for (_, colour, shape, background), seen in zip(asked, verdicts, strict=True):
        colours.add(colour, seen.colour)
        shapes.add(shape, seen.shape)
        backgrounds.add(background, seen.background)
    return Measured(
        pictures=len(asked),
        colours=colours.shares(),
        backgrounds=backgrounds.shares(),
        shapes=shapes.shares(),
        weights={_weighed(way, _HEAVY, _LIGHT, 0).prompt: _heavier(draw, way, seeds) for way in _WEIGHED},
        colour=colours.share(),
        background=backgrounds.share(),
        shape=shapes.share(),
    )


def _combinations(seeds: int) -> Iterable[tuple[Wish, str, str, str]]:
    for colour in COLOURS:
        grounds = [name for name in BACKGROUNDS if name != colour]
        for shape in SHAPES:
            for seed in range(seeds):
                background = grounds[seed % len(grounds)]
                wish = Wish(((f"a {colour} {shape} on a {background} background", 1.0),), seed)
                yield wish, colour, shape, background


def _heavier(draw: Draw, way: str, seeds: int) -> float:
    """Return the share of seeds for which heavy red and light blue show more red than light red and heavy blue."""
    heavy, light = (
        _judged(draw, [_weighed(way, red, blue, seed) for seed in range(seeds)])
        for red, blue in ((_HEAVY, _LIGHT), (_LIGHT, _HEAVY))
    )
    return fmean(more.shares["red"] > less.shares["red"] for more, less in zip(heavy, light, strict=True))


def _weighed(way: str, red: float, blue: float, seed: int) -> Wish:
    before, _, rest = way.partition("{0}")
    between, _, after = rest.partition("{1}")
    pieces = ((before, 1.0), ("red", red), (between, 1.0), ("blue", blue), (after, 1.0))
    return Wish(tuple(piece for piece in pieces if piece[0]), seed)


def _judged(draw: Draw, wishes: Sequence[Wish]) -> list[Verdict]:
    return [judge(picture) for picture in draw(wishes)]
