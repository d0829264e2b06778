"""Several prompts for one picture: `a cat AND a dog:0.5`, each with its weight, which may be negative.

Reference: media.md case 52. The parts are guided separately and added up by their weights; only the whole word AND in
capitals parts them, wherever it stands.
"""

import re
from dataclasses import dataclass

from apps.images.grammar.errors import MalformedWeight, require_length

_AND = re.compile(r"\bAND\b")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?|\d*\.\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """One of the prompts, and its share."""

    text: str
    weight: float = 1.0


def parse_composition(text: str) -> tuple[Part, ...]:
    """Return the parts of a prompt, at least one; space before a part's text stays, after it goes."""
    require_length(text)
    return tuple(_part(piece) for piece in _AND.split(text))


def _part(piece: str) -> Part:
    words, colon, number = piece.rpartition(":")
    number = number.strip()
    if not colon or not _NUMBER.fullmatch(number):
        return Part(piece.rstrip())
    weight = float(number)
    if weight in {float("inf"), float("-inf")}:
        raise MalformedWeight(weight=number[:40])
    return Part(words.rstrip(), weight)
