"""A theme for the demonstration model, which knows coloured shapes and nothing else.

What the theme itself names (a colour, a shape, a place, in English or Chinese) is taken as it stands; only the rest is
asked of a chat model, which can answer with words of the vocabulary alone.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from apps.runtimes.diffusion.demo import palette

# In the order of a caption of the model's own lessons. "" leaves the word out.
_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "size": ("", *palette.SIZES),
    "colour": tuple(palette.COLOURS),
    "shape": tuple(palette.SHAPES),
    "place": ("", *palette.PLACES),
    "background": tuple(palette.BACKGROUNDS),
}
_GROUND: Final = r"(?:底|背景|的背景)"
# The first pattern that is found says it; English words are whole words.
_NAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "size": {
        "small": r"\b(?:small|little|tiny)\b|小的|小(?=[红绿蓝黄紫橙白黑圆方三])",
        "large": r"\b(?:large|big|huge)\b|大的|巨大|大(?=[红绿蓝黄紫橙白黑圆方三])",
    },
    "colour": {
        "red": r"\bred\b|红|紅", "green": r"\bgreen\b|绿|綠", "blue": r"\bblue\b|蓝|藍",
        "yellow": r"\b(?:yellow|gold(?:en)?)\b|黄|黃|金色", "purple": r"\b(?:purple|violet)\b|紫",
        "orange": r"\borange\b|橙|橘", "white": r"\bwhite\b|白", "black": r"\bblack\b|黑",
    },
    "shape": {
        "circle": r"\b(?:circles?|round|ball|disc|sun|moon)\b|圆|圓|球|太阳|太陽|月",
        "square": r"\b(?:squares?|box|block|house|building)\b|方|正方|箱|房|楼",
        "triangle": r"\b(?:triangles?|mountains?|pyramid|tent)\b|三角|山|塔|帐篷",
    },
    "place": {
        "on the left": r"\bleft\b|左", "on the right": r"\bright\b|右",
        "in the center": r"\b(?:cent(?:er|re)|middle)\b|中间|中央|居中",
        "at the top": r"\b(?:top|above|sky)\b|上方|顶|天上", "at the bottom": r"\b(?:bottom|below)\b|下方|底部",
    },
    "background": {
        "white": rf"\bwhite (?:back)?ground\b|白色?{_GROUND}",
        "black": rf"\bblack (?:back)?ground\b|\bnight\b|黑色?{_GROUND}|夜",
        "gray": rf"\bgr[ae]y (?:back)?ground\b|灰色?{_GROUND}",
    },
}  # fmt: skip
_BACKGROUND: Final = re.compile(rf"\b(?:white|black|gr[ae]y) (?:back)?ground\b|[白黑灰]色?{_GROUND}", re.IGNORECASE)
_ASKED: Final = ("colour", "shape", "background")  # size and place are said by the theme or not at all
_ABOUT: Final = "about"  # the theme in plain English: a model that writes it first chooses better
_ABOUT_CHARS: Final = 60


def _example(about: str, colour: str, shape: str, background: str) -> Mapping[str, str]:
    return {_ABOUT: about, "colour": colour, "shape": shape, "background": background}


EXAMPLES: Final[Sequence[tuple[str, Mapping[str, str]]]] = (
    ("日出", _example("the rising sun is orange and round", "orange", "circle", "white")),
    ("a pine tree", _example("a pine tree is green and pointed", "green", "triangle", "white")),
    ("夜空中的月亮", _example("the moon in the dark night is white and round", "white", "circle", "black")),
    ("the ocean", _example("the ocean is blue and wide", "blue", "square", "white")),
    ("草莓", _example("a strawberry is red and pointed", "red", "triangle", "white")),
    ("a lemon", _example("a lemon is yellow and round", "yellow", "circle", "gray")),
    ("紫色的书", _example("a purple book is a box", "purple", "square", "white")),
    ("a dark cave", _example("a dark cave is black and wide", "black", "square", "gray")),
)


INSTRUCTION: Final = (
    "You choose a coloured shape that stands for a theme, which is given in any language: first say in English what it"
    " is, then its colour, its shape (circle, square or triangle) and the background (white, black or gray)."
)


def schema() -> str:
    """Return the JSON schema of an answer: each word is of the vocabulary."""
    properties: dict[str, Any] = {_ABOUT: {"type": "string", "minLength": 3, "maxLength": _ABOUT_CHARS}}
    properties |= {name: {"type": "string", "enum": list(_CHOICES[name])} for name in _ASKED}
    return json.dumps({
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    })  # fmt: skip


def read(text: str) -> dict[str, str] | None:
    """Return the words that a model chose, None where it is not what the schema asks for."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or set(found) != {_ABOUT, *_ASKED}:
        return None
    words = {name: found[name] for name in _ASKED}
    return words if all(word in _CHOICES[name] for name, word in words.items()) else None


def named(theme: str) -> dict[str, str]:
    """Return what the theme itself says in words that the model knows."""
    without = _BACKGROUND.sub(" ", theme)  # a white background is no white shape
    found = {}
    for name, patterns in _NAMED.items():
        text = theme if name == "background" else without
        matches = ((re.search(pattern, text, re.IGNORECASE), word) for word, pattern in patterns.items())
        hits = [(match.start(), word) for match, word in matches if match]
        if hits:
            found[name] = min(hits)[1]
    return found


def is_complete(said: Mapping[str, str]) -> bool:
    """Return whether a theme says all that has to be chosen."""
    return "colour" in said and "shape" in said and "background" in said


def caption(words: Mapping[str, str]) -> str:
    """Return the prompt in the words and the order of the model's lessons; a shape is never of its ground's colour."""
    colour, ground = words["colour"], words["background"]
    if colour == ground:
        ground = "black" if colour == "white" else "white"
    size, place = words.get("size", ""), words.get("place", "")
    parts = ["an" if not size and colour == "orange" else "a", size, colour, words["shape"], place]
    parts.append(f"on {ground} background")
    return " ".join(part for part in parts if part)
