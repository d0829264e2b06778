"""The settings that a picture carries as text: AUTOMATIC1111's `parameters` block, read and written.

Reference cases: media.md 60 to 72 (upstream's functions, executed). The last line holds `key: value` pairs where it
has at least three of them; what stands before is the prompt, and from `Negative prompt:` on the negative one.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from apps.images.grammar.errors import UnreadableInfo
from apps.images.grammar.samplers import Sampler, Schedule, choose

INFO_CHARS = 100_000
NEGATIVE = "Negative prompt:"
_FEWEST_PAIRS = 3
_KEY = re.compile(r"\w[\w \-/]+")
_KEY_SIGN = re.compile(r"[\w \-/]")
_QUOTED_VALUE = re.compile(r'\s*("(?:\\.|[^\\"])+")(?=,|$)')
_BARE_VALUE = re.compile(r"\s*([^,]*)")
_SIZE = re.compile(r"(\d{1,9})x(\d{1,9})", re.ASCII)
_INTEGER = re.compile(r"\s*([+-]?\d{1,20})\s*", re.ASCII)
# Upstream's order; what is not named here stands before the last.
_ORDER = (
    "Steps",
    "Sampler",
    "Schedule type",
    "CFG scale",
    "Image CFG scale",
    "Seed",
    "Face restoration",
    "Size",
    "Model hash",
    "Model",
    "VAE hash",
    "VAE",
    "Variation seed",
    "Variation seed strength",
    "Seed resize from",
    "Clip skip",
    "Denoising strength",
    "ENSD",
    "Init image hash",
    "RNG",
    "Hires upscale",
    "Hires resize",
    "Hires steps",
    "Hires upscaler",
)
_LAST = ("Lora hashes", "TI hashes", "Version")


@dataclass(frozen=True, slots=True)
class Infotext:
    """The prompts and the other settings, as they were written; of a key that stands twice the last counts."""

    prompt: str = ""
    negative: str = ""
    fields: tuple[tuple[str, str], ...] = ()

    def get(self, key: str) -> str:
        """Return the value of a setting, "" where there is none."""
        return dict(self.fields).get(key, "").strip()

    @property
    def steps(self) -> int | None:
        """Return the number of steps."""
        return self.integer("Steps")

    @property
    def seed(self) -> int | None:
        """Return the seed."""
        return self.integer("Seed")

    @property
    def guidance(self) -> float | None:
        """Return the CFG scale."""
        return self.number("CFG scale")

    @property
    def strength(self) -> float | None:
        """Return the denoising strength."""
        return self.number("Denoising strength")

    @property
    def clip_skip(self) -> int:
        """Return upstream's count of layers: 1, the last layer, where nothing is said."""
        return max(self.integer("Clip skip") or 1, 1)

    @property
    def model(self) -> str:
        """Return the model's name."""
        return self.get("Model")

    @property
    def size(self) -> tuple[int, int] | None:
        """Return width and height in pixels."""
        match = _SIZE.fullmatch(self.get("Size"))
        return (int(match[1]), int(match[2])) if match else None

    def sampling(self) -> tuple[Sampler, Schedule] | None:
        """Return sampler and schedule, also of an old label that glues them; None where none is named.

        Raises the errors of `samplers.choose` for a name that is not known here.
        """
        name = self.get("Sampler")
        return choose(name, self.get("Schedule type")) if name else None

    def integer(self, key: str) -> int | None:
        """Return a setting that is a whole number."""
        match = _INTEGER.fullmatch(self.get(key))
        return int(match[1]) if match else None

    def number(self, key: str) -> float | None:
        """Return a setting that is a number."""
        try:
            value = float(self.get(key))
        except ValueError:
            return None
        return value if math.isfinite(value) else None


def read_infotext(text: str) -> Infotext:
    """Return the settings of a `parameters` block; a text without any is all prompt. Raises `UnreadableInfo`."""
    if len(text) > INFO_CHARS:
        raise UnreadableInfo
    *lines, last = text.strip().split("\n")
    pairs = tuple(_pairs(last))
    if len(pairs) < _FEWEST_PAIRS:
        lines.append(last)
        pairs = ()
    prompt: list[str] = []
    negative: list[str] = []
    part = prompt
    for line in map(str.strip, lines):
        is_start = line.startswith(NEGATIVE)
        part = negative if is_start else part
        words = line[len(NEGATIVE) :].strip() if is_start else line
        if part or words:  # no empty line at the beginning
            part.append(words)
    fields = tuple(
        (key, _unquote(value)) for key, value in pairs if value
    )  # an empty one counts above, and is no setting
    return Infotext("\n".join(prompt), "\n".join(negative), fields)


def write_infotext(info: Infotext) -> str:
    """Return the `parameters` block, in upstream's order; clip skip only where it skips, empty settings never."""
    settings = {key: value for key, value in info.fields if value != ""}
    if info.clip_skip <= 1:
        settings.pop("Clip skip", None)
    ranks = {key: rank for rank, key in enumerate(_ORDER)} | {
        key: len(_ORDER) + rank for rank, key in enumerate(_LAST, 1)
    }
    ordered = sorted(settings.items(), key=lambda pair: ranks.get(pair[0], len(_ORDER)))
    line = ", ".join(key if key == value else f"{key}: {_quote(value)}" for key, value in ordered)
    negative = f"\n{NEGATIVE} {info.negative}" if info.negative else ""
    return f"{info.prompt}{negative}\n{line}".strip()


def fields_of(settings: Mapping[str, str | float | None]) -> tuple[tuple[str, str], ...]:
    """Return settings as fields; those that are None are left out."""
    return tuple((key, _written(value)) for key, value in settings.items() if value is not None)


def sampling_fields(sampler: Sampler, schedule: Schedule) -> dict[str, str]:
    """Return how sampler and schedule are written."""
    return {"Sampler": sampler.label, "Schedule type": schedule.label}


def _written(value: str | float) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _quote(value: str) -> str:
    """Return a value as upstream quotes it, and one that begins with a quote too: upstream would read it without."""
    is_plain = not value.startswith('"') and not any(sign in value for sign in ",\n:")
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _unquote(value: str) -> str:
    if not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        read = json.loads(value)
    except ValueError:
        return value
    return read if isinstance(read, str) else value


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Yield the `key: value` pairs of a line as they stand, from left to right; bare words are left out."""
    at = 0
    colon = line.find(":")
    while colon >= 0:
        key = _key_before(line, at, colon)
        if key is None:
            colon = line.find(":", colon + 1)
            continue
        value = _QUOTED_VALUE.match(line, colon + 1) or _BARE_VALUE.match(line, colon + 1)
        if value is None:  # a value may be empty, so there always is one
            return
        yield key, value[1]
        end = value.end()
        at = end + 1
        colon = line.find(":", at)


def _key_before(line: str, at: int, colon: int) -> str | None:
    """Return the words right before a colon, not before `at`: two signs or more, the first a letter or a digit."""
    start = colon
    while start > at and _KEY_SIGN.match(line[start - 1]):
        start -= 1
    key = line[start:colon].lstrip(" -/")
    return key if _KEY.fullmatch(key) else None
