"""How well a question is supported by what was found, as a calibrated probability. Plain Python.

A logistic over signs of both legs and of the text: how near the nearest passage is, how much of the question's BM25 it
reaches, how much of the question (its terms weighed by how rare they are, its names and numbers) stands in the first
passages at all, whether passages name one another's documents. Once an answer's sentences have been chosen (`quoting`),
how near they are to the question is known as well. Fitted on questions of ten sets in both languages, searched as they
are and with the documents that answer them left out (tables in docs/adr/0025; `manage.py calibrate_support`).

Libraries differ in how near anything at all is to a question. So where a question has no names by which to tell, it
counts how far the nearest passage stands out from the following ones, measured by how these spread and by what the best
of that many chance values would reach. It only ever adds: a library that treats one subject throughout, or says a thing
twice, loses nothing by it.

A passage in another language shares no words with the question, so there the vectors alone have to speak.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from apps.rag.fusion import Evidence, Scale
from apps.rag.overlap import terms
from apps.rag.terms import Group
from apps.rag.types import Language, Passage

LONGEST_ENDING = 5  # characters of a file name's ending
READ = 3  # passages whose terms and names count
MOST_LINKED = 0.25  # the default share of links in a score: a library that follows them further is no better supported

TAIL = 100  # passages, by cosine, whose spread tells what chance gives …
REST = slice(4, 10)  # … those of them that the nearest one is compared with, …
REST_PLACE = 7  # … whose middle stands at this place
FEW = 20  # chunks; where there are fewer, the nearest is compared with the middle one
LEAST_SPREAD = 0.008  # of cosines, as a standard deviation
USUAL_SPREAD = 0.04  # where there are too few to tell
MOST_APART = 2.3  # standard deviations; further out says no more
CHANCE = 0.8  # and less says nothing

BASE = -9.16
WEIGHTS = (8.46, 2.09, 2.18, 1.97, -0.42, 11.84, 2.33)  # in the order of Signs.values
QUOTED_BASE = -20.71
QUOTED_WEIGHTS = (5.31, 0.77, 1.06, 1.69, -0.23, 11.14, 2.45, 15.63, 1.82)  # of Signs.values and Quotable.values
CROSS_LANGUAGE = (9.05, 1.26)  # by nearness and by how far apart …
CROSS_BASE: Mapping[Language, float] = {"en": -3.73, "zh": -4.33}  # … on the scale of the question's language

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"\b[A-Z][\w'-]+")
_OPENING = re.compile(r"(?:^|[.?!]\s)[\"'“(]?$")
_CHANCE = NormalDist()
_MARK = "="  # of jieba's words among the terms (apps.libraries.lexical)


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for an answer in what was found; about 0 to 1 each."""

    nearness: float  # cosine of the nearest passage above that of unrelated texts, by what is possible
    words: float  # BM25 of the best passage by what no passage exceeds
    coverage: float  # share of the question's terms, by their idf, that stand in the first passages together
    names: float  # share of its names and numbers that do; 1 where it has none
    title: float = 0.0  # share of a title of the first passages that the question names
    links: float = 0.0  # how far one of them was lifted since another passage names its document; 0 to MOST_LINKED
    apart: float = 0.0  # how far the nearest stands out, in standard deviations beyond chance; 0 to MOST_APART
    unnamed: float = 0.0  # 1 where the question has neither names nor numbers

    @property
    def values(self) -> tuple[float, ...]:
        """Return the signs in the order of WEIGHTS."""
        apart = self.unnamed * max(0.0, self.apart - CHANCE)
        return (self.nearness, self.words, self.coverage, self.names, self.title, self.links, apart)


@dataclass(frozen=True, slots=True)
class Quotable:
    """How much of an answer the best sentences of the passages hold."""

    nearness: float  # cosine of the nearest sentence, under its topic, with the question
    coverage: float  # share of the question's terms in the chosen sentences under their titles

    @property
    def values(self) -> tuple[float, ...]:
        """Return the signs in the order of QUOTED_WEIGHTS, behind those of the search."""
        return (self.nearness, self.coverage)


def signs_of(
    question: str,
    evidence: Sequence[Evidence],
    passages: Sequence[Passage],
    scale: Scale,
    idf: Mapping[str, float],
    groups: Sequence[Group] = (),
) -> Signs:
    """Return the signs of a search: `evidence` of all that was found, `passages` best first.

    `idf` holds the question's own terms; where a passage has a synonym by one of the `groups`, it has the term.
    How far the nearest passage stands out, `apart_of` tells.
    """
    cosine = max((item.cosine for item in evidence if item.cosine is not None), default=scale.cosine_floor)
    bm25 = max((item.bm25 for item in evidence), default=0.0)
    read = passages[:READ]
    return Signs(
        nearness=(cosine - scale.cosine_floor) / (1 - scale.cosine_floor),
        words=bm25 / scale.bm25_ceiling if scale.bm25_ceiling > 0 else 0.0,
        coverage=_covered(idf, read, groups),
        names=_named(question, read),
        title=_titled(question, read),
        links=min(MOST_LINKED, max((dict(passage.parts).get("links", 0.0) for passage in read), default=0.0)),
        unnamed=float(not names_in(question)),
    )


def apart_of(evidence: Sequence[Evidence], chunks: int) -> float:
    """Return how far the nearest of `chunks` passages lies from the next, beyond the best of as many chance values.

    Chance values are those of a normal distribution with the spread of the tail. 0 where there is nothing to compare.
    """
    cosines = sorted((item.cosine for item in evidence if item.cosine is not None), reverse=True)[:TAIL]
    if not cosines:
        return 0.0
    chunks = max(chunks, len(evidence))
    is_few = len(cosines) < FEW
    place = len(cosines) // 2 + 1 if is_few else REST_PLACE
    rest = cosines[place - 1 : place] if is_few else cosines[REST]
    middle = sum(rest) / len(rest)
    spread = USUAL_SPREAD
    if len(cosines) > place:
        apart = _expected(place, chunks) - _expected(len(cosines), chunks)
        spread = max(LEAST_SPREAD, (middle - cosines[-1]) / max(0.1, apart))
    beyond = (cosines[0] - middle) / spread - (_expected(1, chunks) - _expected(place, chunks))
    return min(MOST_APART, max(0.0, beyond))


def support_of(signs: Signs, language: Language, *, is_cross_language: bool) -> float:
    """Return the probability, 0 to 1, that the passages answer a question in `language`.

    `is_cross_language` says that the best passage is written in another language than the question.
    """
    score = BASE + sum(weight * value for weight, value in zip(WEIGHTS, signs.values, strict=True))
    same = logistic(score)
    if not is_cross_language:
        return same
    nearness, apart = CROSS_LANGUAGE
    return max(same, logistic(CROSS_BASE[language] + nearness * signs.nearness + apart * signs.apart))


def support_with(signs: Signs, quotable: Quotable) -> float:
    """Return the probability that the passages answer the question, now that their best sentences are known too."""
    values = (*signs.values, *quotable.values)
    return logistic(QUOTED_BASE + sum(w * v for w, v in zip(QUOTED_WEIGHTS, values, strict=True)))


def names_in(question: str) -> frozenset[str]:
    """Return the names (capitalised words that do not merely begin a sentence) and numbers of a question."""
    names = {match.group() for match in _NAME.finditer(question) if not _OPENING.search(question[: match.start()])}
    return frozenset(names) | frozenset(_NUMBER.findall(question))


def logistic(score: float) -> float:
    """Return the probability of a score."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def _expected(place: int, of: int) -> float:
    """Return about what the value at a place, 1 for the highest, of that many standard normal ones is (Blom, 1958)."""
    return _CHANCE.inv_cdf(1 - (place - 0.375) / (max(place, of) + 0.25))


def _covered(idf: Mapping[str, float], passages: Sequence[Passage], groups: Sequence[Group]) -> float:
    """Return the share of the question that stands in any of the passages."""
    plain: dict[str, float] = {}
    for term, weight in idf.items():
        name = term.removeprefix(_MARK)
        plain[name] = max(weight, plain.get(name, 0.0))
    total = sum(plain.values())
    found = {term for passage in passages for term in passage.matched_terms}
    for group in groups:
        if any(found.issuperset(term.removeprefix(_MARK) for term in each) for each in group.alternatives):
            found.update(term.removeprefix(_MARK) for term in group.sources)
    return sum(weight for term, weight in plain.items() if term in found) / total if total else 0.0


def _named(question: str, passages: Sequence[Passage]) -> float:
    names = names_in(question)
    if not names:
        return 1.0
    texts = [f"{passage.document_name} {' '.join(passage.heading_path)} {passage.text}" for passage in passages]
    return sum(any(name in text for text in texts) for name in names) / len(names)


def _titled(question: str, passages: Sequence[Passage]) -> float:
    """Return how much of the title of a document or its nearest heading the question names, of the best one."""
    asked = frozenset(terms(question))
    titles = [title for each in passages for title in (_stem(each.document_name), *each.heading_path[-1:])]
    held = [frozenset(terms(title)) for title in titles]
    return max((len(title & asked) / len(title) for title in held if title), default=0.0)


def _stem(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot and len(ending) <= LONGEST_ENDING else name
