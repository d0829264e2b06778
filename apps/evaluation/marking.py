"""Which words of a passage the words leg matched: text in pieces, the matched ones marked. Plain Python."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, groupby

from apps.libraries.lexical import analyse, fold

Piece = tuple[str, bool]  # text, and whether it is marked
WINDOW = 220  # characters: about what a folded card shows

# Han, kana, Hangul and South-East Asian letters: they put no spaces between words (libraries.lexical).
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005\u3007\u3041-\u30ff"
    "\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
)
_LETTER = rf"[^\W{_UNSPACED}]"
_TOKEN = re.compile(rf"(?P<run>[{_UNSPACED}]+)|(?P<word>{_LETTER}+(?:[-._/:@&+#'’*]{_LETTER}+)*(?:\+\+|\#)?)")

_ENDS = re.compile(r"\n|[.!?;:] |[。！？；：]")


def marked(text: str, terms: Collection[str]) -> list[Piece]:
    """Return `text` in pieces; joined they are `text` again. `terms` are `Passage.matched_terms`.

    A word is marked when one of its terms matched; of a run without spaces the bigrams that matched.
    """
    wanted = frozenset(terms)
    flags = [False] * len(text)
    for start, end in _matches(text, wanted):
        flags[start:end] = [True] * (end - start)
    return [
        ("".join(char for char, _flag in group), is_marked)
        for is_marked, group in groupby(zip(text, flags, strict=True), key=lambda pair: pair[1])
    ]


def split_at_best(pieces: Sequence[Piece]) -> tuple[list[Piece], list[Piece]]:
    """Return the pieces before and from the part of WINDOW characters with the most marks; begins at a line or word."""
    starts = list(accumulate((len(text) for text, _is_marked in pieces), initial=0))
    marks = [(start, len(text)) for start, (text, is_marked) in zip(starts, pieces, strict=False) if is_marked]
    if not marks or marks[-1][0] + marks[-1][1] <= WINDOW:
        return [], list(pieces)
    best = max(marks, key=lambda mark: (_marked_from(mark[0], marks), -mark[0]))[0]
    at = _line_before("".join(text for text, _is_marked in pieces), best)
    return _cut(pieces, starts, 0, at), _cut(pieces, starts, at, starts[-1])


def _marked_from(start: int, marks: Sequence[tuple[int, int]]) -> int:
    return sum(length for at, length in marks if start <= at < start + WINDOW)


def _line_before(text: str, at: int) -> int:
    """Return where the line or sentence begins in which `at` stands, at most a third of the window before it."""
    least = max(0, at - WINDOW // 3)
    if least == 0:
        return 0
    ends = [match.end() for match in _ENDS.finditer(text, least, at)]
    if ends:
        return ends[-1]
    space = text.find(" ", least, at)
    return space + 1 if space >= 0 else at


def _cut(pieces: Sequence[Piece], starts: Sequence[int], first: int, last: int) -> list[Piece]:
    cut = [
        (text[max(0, first - start) : max(0, last - start)], is_marked)
        for start, (text, is_marked) in zip(starts, pieces, strict=False)
    ]
    return [piece for piece in cut if piece[0]]


def _matches(text: str, wanted: frozenset[str]) -> Iterator[tuple[int, int]]:
    for token in _TOKEN.finditer(text):
        if token["word"] is not None:
            if wanted.intersection(_terms(token["word"])):
                yield token.span()
            continue
        run, start = token["run"], token.start()
        for at in range(len(run) - 1):
            if fold(run[at : at + 2]) in wanted:
                yield start + at, start + at + 2
        if len(run) == 1 and fold(run) in wanted:
            yield start, start + 1


@lru_cache(maxsize=8192)
def _terms(word: str) -> Sequence[str]:
    return tuple(analyse(word))
