"""Whether a prompt holds a word of a list, however it is written.

Both are folded: NFKC, small letters, simplified characters, no accents, nothing that is not seen (zero-width
characters, joiners, soft hyphens). A word of a script that puts no spaces between words (Han, kana, Hangul, Thai) is
found anywhere, with whatever stands between its characters. Any other word is found as a whole one: its letters may
have marks between them ("n.u.d.e"), or each of them a space ("n u d e"), but "assist" does not hold "ass".
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from apps.libraries.lexical import fold as fold_scripts

LONGEST_WORD = 80
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
_MARKS = r"(?:[^\w\s]|_)*"  # between the letters of a word
_GAPS = r"[\W_]+"  # between letters that are spelled out, and between the words of an entry
_SPELLED = 3  # letters from which on "n u d e" is the word: "a s" is none
Finds = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Matcher:
    """The words of a list: as one pattern, and those that are looked for in the text without gaps."""

    pattern: re.Pattern[str] | None
    unspaced: Sequence[str]

    def finds(self, text: str) -> bool:
        """Return whether the text holds one of the words."""
        folded = fold(text)
        if self.pattern is not None and self.pattern.search(folded):
            return True
        squeezed = _squeezed(folded) if self.unspaced else ""
        return any(word in squeezed for word in self.unspaced)


def fold(text: str) -> str:
    """Return the text as words are compared."""
    seen = "".join(each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf")
    simple = fold_scripts(seen).casefold()
    plain = (each for each in unicodedata.normalize("NFD", simple) if unicodedata.category(each) != "Mn")
    return unicodedata.normalize("NFC", "".join(plain))


def words_in(text: str) -> tuple[str, ...]:
    """Return the words of a list, one a line; lines without a letter or digit say nothing."""
    lines = (line.strip()[:LONGEST_WORD] for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if any(each.isalnum() for each in line)))


@lru_cache(maxsize=64)
def finder(words: str) -> Finds:
    """Return the function that tells whether a text holds one of these words, one a line."""
    folded = [fold(word) for word in words_in(words)]
    unspaced = [squeezed for word in folded if _UNSPACED.search(word) and (squeezed := _squeezed(word))]
    spaced = [word for word in folded if not _UNSPACED.search(word)]
    pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(_pattern, spaced))})(?![^\W_])") if spaced else None
    return _Matcher(pattern, unspaced).finds


def holds_any(texts: Iterable[str], words: str) -> bool:
    """Return whether one of the texts holds one of the words, one a line."""
    finds = finder(words)
    return any(finds(text) for text in texts)


def _squeezed(text: str) -> str:
    return "".join(each for each in text if each.isalnum())


def _pattern(entry: str) -> str:
    return _GAPS.join(map(_word_pattern, re.findall(r"[^\W_]+", entry)))


def _word_pattern(word: str) -> str:
    letters = [re.escape(each) for each in word]
    together = _MARKS.join(letters)
    return f"(?:{together}|{_GAPS.join(letters)})" if len(letters) >= _SPELLED else together
