"""X/Y/Z grids: what stands on an axis, and the pictures that the axes span.

Values are written as AUTOMATIC1111's `xyz_grid` takes them (media.md case 73): lists with CSV quoting, ranges `1-5`,
`1-5 (+2)`, `10-5 (-3)`, counts `1-10 [5]`. Both ends of a range belong to it, also of one that falls; upstream is off
by one there.
"""

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from apps.images.grammar.errors import (
    PROMPT_CHARS,
    GridAxis,
    GridTooLarge,
    GridValue,
    PromptTooLong,
    SearchWordMissing,
    require_length,
)
from apps.images.grammar.samplers import choose, find_schedule

GRID_PICTURES = 100
AxisValue = int | float | str
PROMPT_SR = "prompt_sr"

_INT = r"[+-]?\d{1,18}"
_FLOAT = r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})"
_RANGE = r"\s*({number})\s*-\s*({number})\s*(?:\(\s*({number})\s*\)|\[\s*(\d{{1,6}})\s*\])?\s*"
_INT_RANGE = re.compile(_RANGE.format(number=_INT), re.ASCII)
_FLOAT_RANGE = re.compile(_RANGE.format(number=_FLOAT), re.ASCII)
_INT_ONE = re.compile(_INT, re.ASCII)
_FLOAT_ONE = re.compile(_FLOAT, re.ASCII)
_DIGITS = 10  # behind the point: 0.6000000000000001 is 0.6


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: a kind of `KINDS`, and its values in order."""

    kind: str
    values: tuple[AxisValue, ...]


def read_axis(kind: str, text: str, *, limit: int = GRID_PICTURES) -> Axis:
    """Return an axis of what a person wrote for it.

    Raises `GridAxis` for an unknown kind or no values, `GridValue` for a value that is not of the kind, the errors of
    samplers and schedules, and `GridTooLarge` for more than `limit` values.
    """
    reader = KINDS.get(kind)
    if reader is None:
        raise GridAxis(axis=kind[:40])
    values: list[AxisValue] = []
    for written in listed(text):
        values.extend(reader(written, limit))
        if len(values) > limit:
            raise GridTooLarge(limit=limit)
    if not values:
        raise GridAxis(axis=kind)
    return Axis(kind, tuple(values))


def expand(axes: Sequence[Axis], *, limit: int = GRID_PICTURES) -> tuple[tuple[AxisValue, ...], ...]:
    """Return the values of each picture, one per axis; the first axis changes fastest. Raises `GridTooLarge`."""
    if math.prod(len(axis.values) for axis in axes) > limit:
        raise GridTooLarge(limit=limit)
    return tuple(tuple(reversed(cell)) for cell in product(*(axis.values for axis in reversed(axes))))


def require_search_word(axis: Axis, prompt: str, negative: str = "") -> None:
    """Raise `SearchWordMissing` where the word that prompt S/R replaces stands in neither prompt."""
    word = str(axis.values[0])
    if word not in prompt and word not in negative:
        raise SearchWordMissing(word=word[:60])


def replaced(axis: Axis, value: AxisValue, text: str) -> str:
    """Return a prompt with the first value of the axis, the search word, replaced by this one."""
    word, other = str(axis.values[0]), str(value)
    if len(text) + text.count(word) * (len(other) - len(word)) > PROMPT_CHARS:
        raise PromptTooLong(limit=PROMPT_CHARS)
    return text.replace(word, other)


def listed(text: str) -> list[str]:
    """Return the values of a list; quotes hold a comma, doubled quotes a quote, as in CSV."""
    require_length(text)
    lines = text.replace("\0", "").splitlines(keepends=True)
    return [value.strip() for row in csv.reader(lines, skipinitialspace=True) for value in row if value.strip()]


def _whole_numbers(written: str, limit: int) -> Sequence[int]:
    if _INT_ONE.fullmatch(written):
        return [int(written)]
    match = _INT_RANGE.fullmatch(written)
    if match is None:
        raise GridValue(value=written[:40])
    start, end, step, count = match.groups()
    if count is not None:
        return [int(number) for number in _spread(int(start), int(end), int(count), limit)]
    return [round(number) for number in _walk(written, int(start), int(end), int(step or 1), limit)]


def _numbers(written: str, limit: int) -> Sequence[float]:
    if _FLOAT_ONE.fullmatch(written):
        return [float(written)]
    match = _FLOAT_RANGE.fullmatch(written)
    if match is None:
        raise GridValue(value=written[:40])
    start, end, step, count = match.groups()
    if count is not None:
        return _spread(float(start), float(end), int(count), limit)
    return _walk(written, float(start), float(end), float(step or 1), limit)


def _walk(written: str, start: float, end: float, step: float, limit: int) -> list[float]:
    """Return start, start + step, … as far as end."""
    if not step or (end - start) * step < 0:
        raise GridValue(value=written[:40])
    count = (end - start) / step
    if count > limit:
        raise GridTooLarge(limit=limit)
    return [round(start + index * step, _DIGITS) for index in range(math.floor(count + 1e-9) + 1)]


def _spread(start: float, end: float, count: int, limit: int) -> list[float]:
    """Return so many values, evenly spaced, from start to end."""
    if count > limit:
        raise GridTooLarge(limit=limit)
    gap = (end - start) / (count - 1) if count > 1 else 0.0
    return [round(start + index * gap, _DIGITS) for index in range(count)]


def _text(written: str, _limit: int) -> Sequence[str]:
    return [written]


def _sampler(written: str, _limit: int) -> Sequence[str]:
    """Return the name itself: a glued label, such as "DPM++ 2M Karras", says more than the sampler's key."""
    choose(written)
    return [written]


def _schedule(written: str, _limit: int) -> Sequence[str]:
    return [find_schedule(written).key]


KINDS: Mapping[str, Callable[[str, int], Sequence[AxisValue]]] = MappingProxyType(
    {
        "seed": _whole_numbers,
        "steps": _whole_numbers,
        "hires_steps": _whole_numbers,
        "clip_skip": _whole_numbers,
        "guidance": _numbers,
        "strength": _numbers,
        "variation_strength": _numbers,
        "lora_weight": _numbers,
        "sampler": _sampler,
        "schedule": _schedule,
        "model": _text,
        "size": _text,
        "style": _text,
        PROMPT_SR: _text,
    }
)
