"""Generated pictures of coloured shapes, each with a caption: the data that the demonstration model learns from.

Some colour words carry a weight, as `(red:1.5)` does in AUTOMATIC1111's grammar, and the picture shows it: a weight is
a share of the area. So weights mean something to this model, not only to its text encoder's arithmetic.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from apps.runtimes.diffusion.demo.palette import BACKGROUNDS, COLOURS, PICTURE_SIZE, PLACES, SHAPES, SIZES, Rgb

Pixels = npt.NDArray[np.uint8]

_OVERSAMPLING = 3
_RADIUS = 19
_PLACED_RADIUS = 14
_PAIR_RADIUS = 12
_PAIR_X = (17, 47)
_RADII = (7, 28)
_WEIGHTS = (0.3, 1.7)
_OPENINGS = ("a picture of", "a drawing of", "an image of", "a photo of")
_PRAISE = ("best quality", "masterpiece", "high quality", "detailed", "simple", "flat colors", "minimalist", "4k")


@dataclass(frozen=True, slots=True)
class Figure:
    """One shape. Where `second` is named, the left `share` of the width has `colour` and the rest `second`."""

    shape: str
    colour: str
    x: int = PICTURE_SIZE // 2
    y: int = PICTURE_SIZE // 2
    radius: int = _RADIUS
    second: str = ""
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows: one or two figures on a background."""

    figures: tuple[Figure, ...]
    background: str


@dataclass(frozen=True, slots=True)
class Example:
    """A scene with what is said of it; `named` are the facts that the caption states, `weights` those of its words."""

    scene: Scene
    caption: str
    named: dict[str, str] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


def draw(scene: Scene) -> Pixels:
    """Return the picture, shape (64, 64, 3)."""
    side = PICTURE_SIZE * _OVERSAMPLING
    picture = Image.new("RGB", (side, side), BACKGROUNDS[scene.background])
    for figure in scene.figures:
        picture.paste(_paint(figure, side), mask=_mask(figure, side))
    return np.asarray(picture.resize((PICTURE_SIZE, PICTURE_SIZE), Image.Resampling.BOX))


def examples(count: int, seed: int) -> Iterator[Example]:
    """Yield `count` captioned scenes, the same ones for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - pictures of shapes, not secrets
    kinds = (_one, _two_coloured, _pair)
    for _ in range(count):
        kind = rng.choices(kinds, (0.6, 0.25, 0.15))[0]
        yield kind(rng)


def carelessly(example: Example) -> Example:
    """Return the example with the caption that a program would put together: "a orange circle"."""
    return replace(example, caption=example.caption.replace("an orange", "a orange"))


def _mask(figure: Figure, side: int) -> Image.Image:
    x, y, r = (value * _OVERSAMPLING for value in (figure.x, figure.y, figure.radius))
    mask = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(mask)
    if figure.shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
    elif figure.shape == "square":
        pen.rectangle((x - r, y - r, x + r, y + r), fill=255)
    else:
        pen.polygon(((x, y - r), (x - r, y + r), (x + r, y + r)), fill=255)
    return mask


def _paint(figure: Figure, side: int) -> Image.Image:
    paint = Image.new("RGB", (side, side), COLOURS[figure.colour])
    if figure.second:
        edge = round((figure.x + figure.radius * (2 * figure.share - 1)) * _OVERSAMPLING)
        paint.paste(_rgb(figure.second), (edge, 0, side, side))
    return paint


def _rgb(colour: str) -> Rgb:
    return COLOURS[colour]


def _one(rng: random.Random) -> Example:
    """Return one figure of one colour; a weight on its colour or shape grows its area."""
    background, colours = _background_and_colours(rng)
    colour, shape = colours[0], rng.choice(SHAPES)
    size = rng.choice(("", "", "", *SIZES))
    place = "" if size == "large" or _happens(rng, 0.65) else rng.choice(tuple(PLACES))
    radius = SIZES.get(size, _PLACED_RADIUS if place else _RADIUS)
    x, y = PLACES.get(place, (PICTURE_SIZE // 2, PICTURE_SIZE // 2))
    weights = {}
    if _happens(rng, 0.2):
        word = rng.choice((colour, shape))
        weights[word] = rng.uniform(*_WEIGHTS)
        radius = _grown(radius, weights[word])
    figure = Figure(
        shape, colour, x=x + rng.randint(-2, 2), y=y + rng.randint(-2, 2), radius=radius + rng.randint(-1, 1)
    )
    named = {"size": size, "colour": colour, "shape": shape, "place": place, "background": background}
    return _told(rng, Scene((figure,), background), _forget(rng, named), weights)


def _two_coloured(rng: random.Random) -> Example:
    """Return a figure of two colours, as "a red and blue circle"; each colour has its weight's share of the width."""
    background, (first, second, *_) = _background_and_colours(rng)
    weights = {first: rng.uniform(*_WEIGHTS), second: rng.uniform(*_WEIGHTS)} if _happens(rng, 0.6) else {}
    share = weights[first] / (weights[first] + weights[second]) if weights else 0.5
    shape = rng.choice(SHAPES)
    x, y = (PICTURE_SIZE // 2 + rng.randint(-2, 2) for _ in range(2))
    figure = Figure(shape, first, x, y, _RADIUS + rng.randint(-1, 3), second, share)
    named = {
        "colour": first,
        "second": second,
        "shape": shape if _happens(rng, 0.75) else "",
        "background": background if _happens(rng, 0.7) else "",
    }
    return _told(rng, Scene((figure,), background), named, weights)


def _pair(rng: random.Random) -> Example:
    """Return two figures side by side, as "a red circle and a blue square"; a weight on a colour grows its figure."""
    background, (first, second, *_) = _background_and_colours(rng)
    weights = {first: rng.uniform(*_WEIGHTS), second: rng.uniform(*_WEIGHTS)} if _happens(rng, 0.5) else {}
    figures = tuple(
        Figure(
            rng.choice(SHAPES),
            colour,
            x + rng.randint(-1, 1),
            PICTURE_SIZE // 2 + rng.randint(-2, 2),
            min(_grown(_PAIR_RADIUS, weights.get(colour, 1)), 15),
        )
        for colour, x in zip((first, second), _PAIR_X, strict=True)
    )
    named = {
        "colour": first,
        "shape": figures[0].shape,
        "second": second,
        "second shape": figures[1].shape,
        "background": background if _happens(rng, 0.75) else "",
    }
    return _told(rng, Scene(figures, background), named, weights)


def _happens(rng: random.Random, chance: float) -> bool:
    return rng.random() < chance


def _background_and_colours(rng: random.Random) -> tuple[str, list[str]]:
    """Return a background, and every colour that is seen on it, shuffled."""
    background = rng.choice(tuple(BACKGROUNDS))
    colours = [colour for colour in COLOURS if colour != background]
    return background, rng.sample(colours, len(colours))


def _grown(radius: int, weight: float) -> int:
    low, high = _RADII
    return max(low, min(high, round(radius * math.sqrt(weight))))


def _forget(rng: random.Random, named: dict[str, str]) -> dict[str, str]:
    """Leave facts unsaid now and then, so that terse prompts and negative ones ("red") are understood too."""
    chances = {"background": 0.25, "colour": 0.06, "shape": 0.08}
    return {fact: "" if _happens(rng, chances.get(fact, 0)) else value for fact, value in named.items()}


def _told(rng: random.Random, scene: Scene, named: dict[str, str], weights: dict[str, float]) -> Example:
    caption = caption_of(rng, named)
    said = {word: weight for word, weight in weights.items() if word in caption.split()}
    return Example(scene, caption, {fact: value for fact, value in named.items() if value}, said)


def caption_of(rng: random.Random, named: dict[str, str]) -> str:
    """Return one of the many ways to say the facts."""
    has_articles = _happens(rng, 0.75)
    text = " ".join(filter(None, (_subject(named, has_articles=has_articles), named.get("place"))))
    if background := named.get("background"):
        text = _with_background(rng, text, background)
    if text and _happens(rng, 0.08):
        text = f"{rng.choice(_OPENINGS)} {text}"
    if _happens(rng, 0.12):
        text = ", ".join(filter(None, (text, *rng.sample(_PRAISE, rng.randint(1, 3)))))
    return text


def _subject(named: dict[str, str], *, has_articles: bool) -> str:
    first = " ".join(filter(None, (named.get("size"), named.get("colour"))))
    second, second_shape = named.get("second"), named.get("second shape")
    if second and second_shape:
        figures = (f"{first} {named['shape']}", f"{second} {second_shape}")
        return " and ".join(_with_article(figure) if has_articles else figure for figure in figures)
    if second:
        first = f"{first} and {second}"
    words = " ".join(filter(None, (first, named.get("shape"))))
    return _with_article(words) if words and has_articles else words


def _with_article(words: str) -> str:
    return f"an {words}" if words.startswith("orange") else f"a {words}"


def _with_background(rng: random.Random, text: str, background: str) -> str:
    if background == "gray" and _happens(rng, 0.2):
        background = "grey"
    if not text:
        return f"{background} background"
    ways = (
        "{text} on a {background} background",
        "{text} on {background} background",
        "{text}, {background} background",
        "{background} background, {text}",
    )
    return rng.choices(ways, (4, 4, 3, 1))[0].format(text=text, background=background)
