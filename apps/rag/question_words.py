"""Words by which questions are compared: what frames a question, negates it, means the same or the opposite.

The long lists are in `question_words.txt`; a library's own synonyms come on top of them.
"""

import re
from collections.abc import Iterator
from pathlib import Path


def _sections() -> dict[str, list[str]]:
    """Return the lines of each section of the file."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = sections.setdefault(line[1 : line.index("]")], [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return sections


def _words(name: str) -> Iterator[str]:
    return (word for line in _SECTIONS[name] for word in line.split())


def _pairs() -> Iterator[frozenset[str]]:
    return (frozenset(pair.split("|")) for line in _SECTIONS["opposite"] for pair in line.split("  "))


_SECTIONS = _sections()

EN_FRAME = frozenset(_words("english frame"))
ZH_FRAME = re.compile("(?:" + "|".join(_words("chinese frame")) + ")+")
LIGHT = frozenset(_words("light"))
SAME: dict[str, str] = {word: line.split("|")[0] for line in _SECTIONS["same"] for word in line.split("|")}
OPPOSITE = frozenset(_pairs())

EN_PARTICLES = frozenset(("out", "off", "down", "away", "back"))
EN_OPPOSITE_PREFIXES = ("un", "in", "im", "ir", "il", "dis", "non", "de")
ZH_OPPOSITES = frozenset(map(frozenset, _words("chinese opposites")))  # characters

EN_NEGATION = frozenset(_words("english negation"))
ZH_CHOICE = re.compile("([\u4e00-\u9fff])[不没]\\1|有没有|是否|可否|能否")  # asks, and negates nothing
ZH_NEGATION = re.compile("[不没未无非勿]|别(?=[\u4e00-\u9fff])")
ZH_NOT_NEGATION = re.compile("|".join(_words("chinese without negation")))

EN_NUMBERS = {word: line.split()[0] for line in _SECTIONS["english numbers"] for word in line.split()[1:]}
EN_DATES = {word: line.split()[0] for line in _SECTIONS["english dates"] for word in line.split()[1:]}
