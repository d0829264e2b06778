"""Which documents the best passages name: often the second half of an answer stands there. Plain Python.

"In which state was the director of 'Neighbours' born?" finds the series by its words, and the director only by his
name, which the passage about the series says. So a document whose name stands in a good passage is lifted. A name that
most of the good passages say ("Python" in a library about Python) tells nothing, and lifts nothing.
Measured in docs/adr/0024.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from uuid import UUID

SOURCES = 5  # best passages whose names count
WITNESSES = 10  # best passages that tell how common a name is
COMMON = 0.8  # share of them that say a name, from which it tells nothing
LEAST_LETTERS = 4  # of a name; of one in a script without spaces, LEAST_CHARACTERS
LEAST_CHARACTERS = 3
LONGEST_CHARS = 20_000  # of a passage; a chunk has about 2,000

_SUFFIX = re.compile(r"\.\w{1,5}$")
_IN_BRACKETS = re.compile(r"\s*[(\[【][^)\]】]*[)\]】]$")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_RUN = re.compile(r"[^\W_]+")
_EDGE = " \"'“”‘’《》〈〉「」『』"

Says = Callable[[str], bool]


def lifts(best: Sequence[tuple[UUID, str, float]], names: Mapping[UUID, str]) -> dict[UUID, float]:
    """Return how much each document is lifted: the score of the best passage that names it, less for a common name.

    `best` are the best passages, best first: (document, text, score). `names` are the documents that may be lifted;
    those that are not named are left out.
    """
    read = [(document, prepared(text), score) for document, text, score in best[:SOURCES]]
    others: list[str] | None = None  # texts of the further witnesses, read once a name was found
    found: dict[UUID, float] = {}
    for name, documents in _by_name(names, "\n".join(text for _document, text, _score in read)).items():
        says = _finder(name)
        sayers = [(document, score) for document, text, score in read if says(text)]
        if not sayers:
            continue
        if others is None:
            others = [prepared(text) for _document, text, _score in best[SOURCES:WITNESSES]]
        witnesses = len(sayers) + sum(map(says, others))
        rarity = max(0.0, 1 - witnesses / WITNESSES / COMMON)
        for document in documents:
            score = max((score for source, score in sayers if source != document), default=0.0)
            if score * rarity > 0:
                found[document] = score * rarity
    return found


@lru_cache(maxsize=8192)
def name_of(document: str) -> str:
    """Return the name by which a text would mention a document: "Jupiter (planet).pdf" as "jupiter".

    Empty where that is too short to tell anything, or has no letters.
    """
    plain = prepared(_SUFFIX.sub("", document).replace("_", " ")).strip(_EDGE)
    plain = (_IN_BRACKETS.sub("", plain) or plain).strip(_EDGE)
    least = LEAST_CHARACTERS if _UNSPACED.search(plain) else LEAST_LETTERS
    return plain if sum(map(str.isalpha, plain)) >= least else ""


@lru_cache(maxsize=8192)
def _name_and_opening(document: str) -> tuple[str, str]:
    """Return `name_of` a document, and the word that a text must have to say it: its first, empty without spaces."""
    name = name_of(document)
    opening = None if _UNSPACED.search(name) else _RUN.match(name)
    return name, opening[0] if opening else ""


def is_named(name: str, text: str) -> bool:
    """Return whether a text says a name, which `name_of` gave."""
    return _finder(name)(prepared(text))


def prepared(text: str) -> str:
    """Return a text as names are looked for in it."""
    return " ".join(unicodedata.normalize("NFKC", text[:LONGEST_CHARS]).lower().split())


def _by_name(names: Mapping[UUID, str], sources: str) -> dict[str, list[UUID]]:
    """Return the documents by their names, those that stand in `sources`: most do not, and one look tells."""
    by_name: dict[str, list[UUID]] = {}
    said = frozenset(_RUN.findall(sources))
    for document, given in names.items():
        name, opening = _name_and_opening(given)
        if name and (not opening or opening in said) and name in sources:
            by_name.setdefault(name, []).append(document)
    return by_name


def _finder(name: str) -> Says:
    """Return what tells whether a text says the name: as whole words, where words are separated."""
    if _UNSPACED.search(name):
        return lambda text: name in text
    return lambda text: name in text and any(_stands_alone(text, name, at) for at in _places(text, name))


def _places(text: str, name: str) -> Iterable[int]:
    at = text.find(name)
    while at >= 0:
        yield at
        at = text.find(name, at + 1)


def _stands_alone(text: str, name: str, at: int) -> bool:
    end = at + len(name)
    return not (at and text[at - 1].isalnum()) and not (end < len(text) and text[end].isalnum())
