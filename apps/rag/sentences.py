"""Where sentences end, in Chinese, English and mixtures of both. Linear in the length of the text."""

import re
from dataclasses import dataclass

LONGEST = 400  # characters; a longer run without a full stop is cut at a comma or a space
SHORT_LINE = 20  # characters; the break behind such a line was meant
LOOK_BACK = 24  # characters before a dot that can hold an abbreviation

_STOP = re.compile(r"[。！？!?｡…]+|[.．]+|\n+")
_CLOSERS = frozenset("”’」』》）)\"'】]〉")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LIST_ITEM = re.compile(r"\s*(?:[-*•·|#>]|\d{1,3}[.)、])")
# A dot after these never ends a sentence …
_TITLES_WORDS = (
    "mr mrs ms dr prof st mt ft fig figs no nos vol pp vs cf gen col sgt lt capt maj rev hon sen rep gov"
    " pres approx e.g i.e eg ie al ed eds tr trans op sec ch jan feb mar apr jun jul aug sep sept oct nov"
    " dec"
)
_TITLES = frozenset(_TITLES_WORDS.split())
# … and after these only before a capital.
_ENDINGS_WORDS = "inc ltd co corp etc jr sr u.s u.k u.n a.m p.m b.c a.d ph.d d.c esq bros dept est"
_ENDINGS = frozenset(_ENDINGS_WORDS.split())


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its place: `text` is the original's [start:end], without white space around it."""

    start: int
    end: int
    text: str


def split(text: str) -> list[Sentence]:
    """Return the sentences of `text` in order; together they hold all of it but white space."""
    found: list[Sentence] = []
    start = 0
    while start < len(text):
        end = next_end(text, start, is_complete=True)
        for piece_start, piece_end in _cut(text, start, end):
            stripped = text[piece_start:piece_end].strip()
            if stripped:
                offset = text.index(stripped[0], piece_start)
                found.append(Sentence(offset, offset + len(stripped), stripped))
        start = end
    return found


def next_end(text: str, start: int, *, is_complete: bool) -> int:
    """Return the offset behind the sentence that begins at `start`, or -1 where more text must come to tell.

    With `is_complete` there is no more text, so that the end of it ends the sentence.
    """
    position = start
    while match := _STOP.search(text, position):
        end = match.end()
        if match.group()[0] != "\n":
            end = _behind_closers(text, end)
        if end >= len(text) and not is_complete:
            return -1
        if _ends_here(text, start, match, end):
            return end
        position = match.end()
    return len(text) if is_complete else -1


def is_han(text: str) -> bool:
    """Return whether Chinese characters carry the text: at least one for every four other letters."""
    han = len(_HAN.findall(text))
    return han > 0 and han * 4 >= sum(character.isalpha() for character in text) - han


def _behind_closers(text: str, end: int) -> int:
    while end < len(text) and text[end] in _CLOSERS:
        end += 1
    return end


def _ends_here(text: str, start: int, stop: re.Match[str], end: int) -> bool:
    mark = stop.group()
    if mark[0] == "\n":
        return len(mark) > 1 or _is_hard_break(text, start, stop.start(), end)
    if mark[0] in "。！？｡":
        return True
    after = text[end : end + 1]
    if after and not after.isspace() and not _HAN.match(after):
        return False  # 3.14, example.org, "really?!" inside a word
    if mark[0] in ".．" and len(mark) == 1:
        return _dot_ends(text, start, stop.start(), end)
    return True


def _is_hard_break(text: str, start: int, newline: int, after: int) -> bool:
    """Return whether one line break ends a sentence: not where a paragraph was merely wrapped."""
    if after >= len(text) or _LIST_ITEM.match(text, after, after + 12):
        return True
    line_start = max(text.rfind("\n", start, newline) + 1, start)
    if newline - line_start < SHORT_LINE:
        return True
    before, behind = text[newline - 1], text[after]
    return not (behind.islower() or (_HAN.match(before) and _HAN.match(behind)))


def _dot_ends(text: str, start: int, dot: int, end: int) -> bool:
    """Return whether the one dot at `dot` ends a sentence and not an abbreviation, an initial or a list number."""
    head = text[max(start, dot - LOOK_BACK) : dot]
    word = re.split(r"[\s(\[“\"'/-]", head)[-1]
    follower = text[end : end + 12].lstrip()[:1]
    if word.lower() in _TITLES or (follower.islower() and follower.isascii()):
        return False
    if len(word) == 1 and word.isalpha() and word.isupper() and word.isascii():
        return False  # J. K. Rowling
    if word.isdigit() and not head[: len(head) - len(word)].strip():
        return dot - len(word) - start > LOOK_BACK  # "1. First step"
    if word.lower() in _ENDINGS:
        return not follower or follower.isupper()
    return True


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return [start, end) in pieces of at most LONGEST characters, cut behind commas or spaces where there are any."""
    pieces: list[tuple[int, int]] = []
    while end - start > LONGEST:
        window = text[start : start + LONGEST]
        cut = max(window.rfind(mark) for mark in "；;，,、 ") + 1
        cut = cut if cut > LONGEST // 4 else LONGEST
        pieces.append((start, start + cut))
        start += cut
    pieces.append((start, end))
    return pieces
