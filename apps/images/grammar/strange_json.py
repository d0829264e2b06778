"""JSON from strangers' pictures, read within bounds: size, depth, and numbers that mean something."""

import json
import re
from collections.abc import Mapping

from apps.images.grammar.errors import UnreadableInfo

JSON_CHARS = 2_000_000
JSON_DEPTH = 64
_STRING = re.compile(r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)', re.DOTALL)  # one that nothing closes too: else time grows squared
_NUMBER_MAX = 2**64
_NUMERAL = re.compile(r"\s*[+-]?\d{1,20}(?:\.\d{0,20})?\s*", re.ASCII)
_BRACKET = re.compile(r"[\[\]{}]")

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def read_object(text: str) -> dict[str, Json]:
    """Return a JSON object; raise `UnreadableInfo` for anything else, for too large or too deep ones."""
    if len(text) > JSON_CHARS or _depth(text) > JSON_DEPTH:
        raise UnreadableInfo
    try:
        found = json.loads(text, parse_constant=lambda _: None)  # NaN, which ComfyUI writes, is no number
    except ValueError:  # also a number of thousands of digits
        raise UnreadableInfo from None
    if not isinstance(found, dict):
        raise UnreadableInfo
    return found


def text_of(value: Json) -> str:
    """Return a value that is text, else ""."""
    return value if isinstance(value, str) else ""


def number_of(value: Json) -> int | float | None:
    """Return a value that is a number with a meaning."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -_NUMBER_MAX <= value <= _NUMBER_MAX else None  # also no NaN, no infinity


def numeral_of(value: Json) -> int | float | None:
    """Return a value that is a number with a meaning, also one that was written as text."""
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        value = float(value) if "." in value else int(value)
    return number_of(value)


def size_of(found: Mapping[str, Json]) -> str | None:
    """Return `width` and `height` of an object as "512x768"."""
    width, height = numeral_of(found.get("width")), numeral_of(found.get("height"))
    return None if width is None or height is None else f"{width:.0f}x{height:.0f}"


def object_of(value: Json) -> dict[str, Json]:
    """Return a value that is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Json) -> list[Json]:
    """Return a value that is a list, else an empty one."""
    return value if isinstance(value, list) else []


def stem_of(value: Json) -> str:
    """Return the name of a file without folders and ending."""
    name = re.split(r"[/\\]", text_of(value))[-1]
    return re.sub(r"\.(safetensors|ckpt|pt|pth|bin|gguf|sft)$", "", name)


def _depth(text: str) -> int:
    """Return how deep the brackets go; those inside strings are none."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
