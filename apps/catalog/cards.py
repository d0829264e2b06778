"""What the README of a model folder says: the card, and the licence and languages of its front matter."""

import re
from dataclasses import dataclass
from pathlib import Path

LONGEST = 100_000
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_NAMES = ("README.md", "readme.md", "Readme.md")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")


@dataclass(frozen=True, slots=True)
class Card:
    """The text of a model card in markdown, and two of its facts."""

    text: str = ""
    licence: str = ""
    languages: str = ""


def card_of(folder: Path) -> Card:
    """Return the card that lies in a folder, empty where there is none."""
    for name in _NAMES:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            with path.open(encoding="utf-8", errors="replace") as file:
                return parse_card(file.read(LONGEST).replace("\x00", ""))
    return Card()


def parse_card(text: str) -> Card:
    """Return the card without its front matter; of that, only two plain facts are read, by no YAML library."""
    found = _FRONT.match(text)
    if found is None:
        return Card(text.strip())
    facts = _facts(found[1])
    licence = (facts.get("license") or [""])[0]
    languages = [each for each in facts.get("language", []) if _LANGUAGE.fullmatch(each)]
    return Card(text[found.end() :].strip(), licence[:80], " ".join(languages)[:200])


def _facts(front: str) -> dict[str, list[str]]:
    """Return the plain values of the top level: `name: value`, `name: [a, b]` and lists of `- a` lines."""
    facts: dict[str, list[str]] = {}
    name = ""
    for line in front.splitlines():
        if line.lstrip().startswith("- ") and name:
            facts[name].append(_plain(line.lstrip()[2:]))
        elif ":" in line and not line[:1].isspace():
            name, _, value = line.partition(":")
            name = name.strip().lower()
            facts[name] = [_plain(each) for each in value.strip().strip("[]").split(",") if each.strip()]
    return facts


def _plain(value: str) -> str:
    return value.strip().strip("\"'")
