"""Which words of a passage the words leg matched: text in pieces, the matched ones marked. Plain Python."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from apps.libraries.lexical import analyse, fold

Piece = tuple[str, bool]  # text, and whether it is marked

# Han, kana, Hangul and South-East Asian letters: they put no spaces between words (libraries.lexical).
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005\u3007\u3041-\u30ff"
    "\u31f0-\u31ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
)
_LETTER = rf"[^\W{_UNSPACED}]"
_TOKEN = re.compile(rf"(?P<run>[{_UNSPACED}]+)|(?P<word>{_LETTER}+(?:[-._/:@&+#'’*]{_LETTER}+)*(?:\+\+|\#)?)")


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
