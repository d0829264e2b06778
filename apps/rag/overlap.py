"""How much of one text another one covers, by terms weighted with how rare they are. Plain Python.

Sentences of a few passages are compared here, so the terms are simpler than those of the lexical index: Han
bigrams and crudely stemmed words need neither a dictionary nor the library's statistics.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

SHORTEST_STEM = 3  # letters

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]+|\d+(?:[.,:]\d+)*|[^\W\d_{_HAN}]+")
_HAN_RUN = re.compile(rf"[{_HAN}]")
_ENGLISH_STOP_WORDS = (
    "a an the of in on at to for from by with and or but nor as is are was were be been being am do does"
    " did has have had it its he his him she her they their them this that these those there here who whom"
    " whose which what when where why how i you we me my your our us not no so than then if into onto"
    " about over under between also can could may might will would shall should must such any some each"
    " both either one's s t"
)
_ENGLISH_STOP = frozenset(_ENGLISH_STOP_WORDS.split())
_HAN_STOP = re.compile(
    "什么时候|什么|怎么样|怎么|怎样|如何|为什么|为何|是否|哪些|哪里|哪个|哪|谁|多少|几|吗|呢|吧|啊|的|了|是|在|和|与|及|或"
    "|也|都|就|而|被|把|从|到|对|于|以|之|其|这|那|它|他|她|们|有|为|该|个|请问"
)
_SUFFIXES = ("ingly", "edly", "ings", "ing", "ied", "ies", "ed", "es", "s", "ly")


def terms(text: str) -> list[str]:
    """Return the terms of `text`: bigrams of Han runs without particles, stems of words, numbers."""
    found: list[str] = []
    for match in _TOKEN.finditer(unicodedata.normalize("NFKC", text).lower()):
        token = match.group()
        if _HAN_RUN.match(token):
            found.extend(_han_terms(token))
        elif token[0].isdigit():
            found.append(token.replace(",", ""))
        elif token not in _ENGLISH_STOP:
            found.append(_stem(token))
    return found


def _han_terms(run: str) -> Iterable[str]:
    for part in _HAN_STOP.split(run):
        if len(part) == 1:
            yield part
        yield from (part[i : i + 2] for i in range(len(part) - 1))


def _stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST_STEM:
            stem = word[: -len(suffix)]
            stem = stem + "y" if suffix in {"ied", "ies"} else stem
            return (
                stem[:-1]
                if len(stem) > SHORTEST_STEM and stem[-1] == stem[-2] and suffix in {"ing", "ed"}
                else stem.removesuffix("e")
            )
    return word.removesuffix("e") if len(word) > SHORTEST_STEM + 1 else word


class Weights:
    """How telling a term is among some texts: the inverse of the share of texts that hold it, as a logarithm."""

    def __init__(self, texts: Sequence[frozenset[str]]) -> None:
        self._count = len(texts)
        self._holding = Counter(term for held in texts for term in held)

    def of(self, term: str) -> float:
        """Return the weight of one term, above 0; of one that no text holds the highest."""
        holding = self._holding.get(term, 0)
        return math.log(1 + (self._count - holding + 0.5) / (holding + 0.5)) + 0.1

    def sum(self, held: Iterable[str]) -> float:
        """Return the weight of all the terms."""
        return sum(map(self.of, held))

    def coverage(self, wanted: frozenset[str], held: frozenset[str]) -> float:
        """Return the weighted share of `wanted` that is in `held`, 0..1; 0 where nothing is wanted."""
        total = self.sum(wanted)
        return self.sum(wanted & held) / total if total else 0.0
