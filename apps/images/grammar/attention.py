"""Weights of words: `(a)`, `[a]`, `(a:1.2)`, escapes and BREAK, as AUTOMATIC1111 reads them.

Reference cases: media.md 2a (upstream's doctest, and results of executing it). The rule in words: round brackets
multiply what they hold by 1.1, square ones divide by it, a number before a closing round bracket takes the place of
the 1.1; brackets that nothing closes reach to the end, and those that nothing opened are text.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.images.grammar.errors import MalformedWeight, require_length

BREAK = "BREAK"
BREAK_WEIGHT = -1.0
ROUND = 1.1
SQUARE = 1 / 1.1
_ESCAPABLE = "()[]\\"
_WEIGHT = re.compile(r":\s*([+-]?[.\d]+)\s*\)")
_PLAIN = re.compile(r"[^\\()\[\]:]+")
_BREAK = re.compile(r"\bBREAK\b")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text with one weight."""

    text: str
    weight: float

    @property
    def is_break(self) -> bool:
        """Return whether this ends a chunk instead of being text: upstream's test, word by word.

        A BREAK inside a weight is not one (media.md trap 33): its own weight is multiplied too.
        """
        return self.text == BREAK and self.weight == BREAK_WEIGHT


def parse_attention(text: str) -> tuple[Span, ...]:
    """Return the spans of a prompt, never none; neighbours differ in weight.

    Raises `MalformedWeight` for `(a:1.2.3)`, `PromptTooLong` beyond the limit. Time grows with the number of spans
    times the depth of open brackets, which the limit on characters bounds to a fraction of a second.
    """
    require_length(text)
    reader = _Reader()
    for sign, weight in _signs(text):
        reader.take(sign, weight)
    return reader.finish()


def _signs(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield the pieces of the prompt; a closing bracket with a weight comes with its number."""
    position = 0
    while position < len(text):
        weighed = _WEIGHT.match(text, position)
        plain = _PLAIN.match(text, position)
        if weighed:
            piece = weighed.group()
        elif plain:
            piece = plain.group()
        elif text[position] == "\\" and text[position + 1 : position + 2] in _ESCAPABLE:
            piece = text[position : position + 2]
        else:
            piece = text[position]
        position += len(piece)
        yield piece, weighed.group(1) if weighed else None


class _Reader:
    """The spans so far, and where the brackets that are still open began."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._weights: list[float] = []
        self._open: dict[str, list[int]] = {"(": [], "[": []}

    def take(self, piece: str, weight: str | None) -> None:
        """Take in the next piece."""
        if piece[0] == "\\":  # a lone backslash disappears, as upstream
            self._add(piece[1:])
        elif piece in self._open:
            self._open[piece].append(len(self._texts))
        elif weight is not None and self._open["("]:
            self._multiply(self._open["("].pop(), _number(weight))
        elif piece == ")" and self._open["("]:
            self._multiply(self._open["("].pop(), ROUND)
        elif piece == "]" and self._open["["]:
            self._multiply(self._open["["].pop(), SQUARE)
        else:
            self._add_words(piece)

    def finish(self) -> tuple[Span, ...]:
        """Close what is open, join neighbours of one weight, and return the spans."""
        for start in self._open["("]:
            self._multiply(start, ROUND)
        for start in self._open["["]:
            self._multiply(start, SQUARE)
        if not all(map(math.isfinite, self._weights)):
            raise MalformedWeight(weight="∞")
        joined: list[tuple[list[str], float]] = []
        for text, weight in zip(self._texts, self._weights, strict=True):
            if joined and joined[-1][1] == weight:
                joined[-1][0].append(text)
            else:
                joined.append(([text], weight))
        return tuple(Span("".join(texts), weight) for texts, weight in joined) or (Span("", 1.0),)

    def _add_words(self, piece: str) -> None:
        """Add text, with each BREAK a span of its own that swallows the space around it."""
        words = _BREAK.split(piece)
        for index, word in enumerate(words):
            if index:
                self._add(BREAK, BREAK_WEIGHT)
                word = word.lstrip()  # noqa: PLW2901
            self._add(word.rstrip() if index < len(words) - 1 else word)

    def _add(self, text: str, weight: float = 1.0) -> None:
        self._texts.append(text)
        self._weights.append(weight)

    def _multiply(self, start: int, factor: float) -> None:
        self._weights[start:] = [weight * factor for weight in self._weights[start:]]


def _number(weight: str) -> float:
    try:
        return float(weight)
    except ValueError:
        raise MalformedWeight(weight=weight[:40]) from None
