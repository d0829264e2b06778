"""The words and synonyms that a library's editors keep: what they may be, and where they stand in a text.

A word is compared as the lexical index sees it: folded, Han character by character, other words by their stems. So one
entry meets full width and traditional writing, plurals and capitals, and may mix scripts ("5G基站").
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from apps.libraries.lexical import MAX_TERM_CHARS, Unit, fold, units_of

MAX_WORDS = 5_000
MAX_WORD_CHARS = 100
MAX_GROUPS = 1_000
MAX_GROUP_SIZE = 20
KEPT = 32  # wordings made ready that a process remembers
_GAP = re.compile(r"[\s\-_/.·&+']|\s[-/·&+]?\s")
_SEPARATORS = re.compile(r"\s*[=＝|｜;；\t]\s*|\s*[,，、]\s*")


@dataclass(frozen=True, slots=True)
class Wording:
    """Words to keep whole, and groups of terms that mean the same."""

    words: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, ...], ...] = ()

    @property
    def as_json(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"words": list(self.words), "synonyms": [list(group) for group in self.synonyms]}

    @property
    def digest(self) -> str:
        """Return what tells this wording from another; empty for none at all."""
        if not self.words and not self.synonyms:
            return ""
        return hashlib.sha256(json.dumps(self.as_json, ensure_ascii=True).encode()).hexdigest()


PLAIN = Wording()


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that cannot be used: its number from 1, what it says, and why as a code."""

    line: int
    text: str
    code: str


@dataclass(frozen=True, slots=True)
class Found:
    """A word in a text: its place there, and its entry."""

    start: int
    end: int
    key: tuple[str, ...]


class Finder:
    """Finds entries in folded texts: from the left, the longest first, each character at most once."""

    def __init__(self, keys: Iterable[tuple[str, ...]]) -> None:
        self._by_first: dict[str, dict[int, set[tuple[str, ...]]]] = {}
        for key in sorted(set(keys), key=len, reverse=True):
            if key:
                self._by_first.setdefault(key[0], {}).setdefault(len(key), set()).add(key)

    def __bool__(self) -> bool:
        return bool(self._by_first)

    def find(self, folded: str, units: Sequence[Unit]) -> list[Found]:
        """Return the entries in the units of a folded text."""
        keys = [unit.key for unit in units]
        found: list[Found] = []
        at = 0
        while at < len(keys):
            key = self._at(folded, units, keys, at) if keys[at] in self._by_first else None
            if key is None:
                at += 1
                continue
            found.append(Found(units[at].start, units[at + len(key) - 1].end, key))
            at += len(key)
        return found

    def spans(self, folded: str) -> list[tuple[int, int, str]]:
        """Return the entries as terms, for `lexical.analyse`."""
        if not self._by_first:
            return []
        return [(each.start, each.end, _joined(each.key)) for each in self.find(folded, units_of(folded))]

    def _at(self, folded: str, units: Sequence[Unit], keys: Sequence[str], at: int) -> tuple[str, ...] | None:
        for length, entries in self._by_first[keys[at]].items():  # the longest first
            key = tuple(keys[at : at + length])
            if key in entries and all(_touches(folded, *pair) for pair in pairwise(units[at : at + length])):
                return key
        return None


def _joined(key: Sequence[str]) -> str:
    """Return the units as one term; jieba's words, which have no spaces either, are the same terms."""
    term = ""
    for part in key:
        term += f" {part}" if term and term[-1].isascii() and part.isascii() else part
    return term[:MAX_TERM_CHARS]


def _touches(folded: str, first: Unit, second: Unit) -> bool:
    """Return whether nothing stands between two units but what joins words; nothing at all between characters."""
    if first.end == second.start:
        return True
    if first.is_character and second.is_character:
        return False
    return _GAP.fullmatch(folded, first.end, second.start) is not None


def key_of(word: str) -> tuple[str, ...]:
    """Return an entry as it is compared."""
    return tuple(unit.key for unit in units_of(fold(word)))


@lru_cache(maxsize=KEPT)
def words_finder(words: tuple[str, ...]) -> Finder:
    """Return what finds words in texts. One plain word of Latin letters is kept whole anyway."""
    keys = (key_of(word) for word in words)
    return Finder(key for key in keys if len(key) > 1)


@lru_cache(maxsize=KEPT)
def synonym_finder(synonyms: tuple[tuple[str, ...], ...]) -> tuple[Finder, Mapping[tuple[str, ...], tuple[str, ...]]]:
    """Return what finds the terms of all groups in a question, and the other terms that each stands for."""
    others: dict[tuple[str, ...], tuple[str, ...]] = {}
    for group in synonyms:
        for term in group:
            key = key_of(term)
            rest = (other for other in group if key_of(other) != key)
            others[key] = tuple(dict.fromkeys((*others.get(key, ()), *rest)))
    return Finder(others), others


def stored_wording(stored: Mapping[str, Any] | None) -> Wording:
    """Return a wording from what was stored."""
    stored = stored or {}
    return Wording(tuple(stored.get("words", ())), tuple(tuple(group) for group in stored.get("synonyms", ())))


def read_words(text: str) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return the words of a text with one on each line, in order and without repeats, and the lines that are none."""
    words: dict[tuple[str, ...], str] = {}
    problems: list[Problem] = []
    for number, line in _lines(text):
        code = _problem_of(line)
        if not code and len(words) >= MAX_WORDS:
            code = "too-many"
        if code:
            problems.append(Problem(number, line[:MAX_WORD_CHARS], code))
        else:
            words.setdefault(key_of(line), line)
    return tuple(words.values()), tuple(problems)


def read_synonyms(text: str) -> tuple[tuple[tuple[str, ...], ...], tuple[Problem, ...]]:
    """Return the groups of a text with one on each line, its terms apart by = , ; | or their Chinese forms."""
    groups: dict[tuple[str, ...], None] = {}
    problems: list[Problem] = []
    for number, line in _lines(text):
        terms = {key_of(term): term for term in _SEPARATORS.split(line) if term}
        code = next(filter(None, map(_problem_of, terms.values())), "")
        if not code:
            code = _group_problem(terms.values(), len(groups))
        if code:
            problems.append(Problem(number, line[:MAX_WORD_CHARS], code))
        else:
            groups.setdefault(tuple(terms.values()))
    return tuple(groups), tuple(problems)


def _group_problem(terms: Iterable[str], groups: int) -> str:
    count = len(list(terms))
    if count < 2:  # noqa: PLR2004
        return "one-term"
    if count > MAX_GROUP_SIZE:
        return "group-too-big"
    return "too-many" if groups >= MAX_GROUPS else ""


def words_text(wording: Wording) -> str:
    """Return the words as they are edited and exported."""
    return "\n".join(wording.words)


def synonyms_text(wording: Wording) -> str:
    """Return the groups as they are edited and exported."""
    return "\n".join(" = ".join(group) for group in wording.synonyms)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, with their number; # begins a comment."""
    for number, line in enumerate(text.replace("\x00", "").lstrip("\ufeff").splitlines(), 1):
        clean = " ".join(line.split())
        if clean and not clean.startswith("#"):
            yield number, clean


def _problem_of(word: str) -> str:
    if len(word) > MAX_WORD_CHARS:
        return "too-long"
    return "" if key_of(word) else "no-letters"
