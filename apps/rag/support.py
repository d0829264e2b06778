"""How well a question is supported by what was found, as a calibrated probability. Plain Python.

A logistic over signs of both legs and of the text: how near the nearest passage is, how much of the question's BM25 it
reaches, how much of the question (its terms weighed by how rare they are, its names and numbers) stands in the first
passages at all, whether passages name one another's documents. Once an answer's sentences have been chosen (`quoting`),
how near they are to the question is known as well. Fitted on questions of four sets in both languages, searched as they
are and with the documents that answer them left out (tables in docs/adr/0025; `manage.py calibrate_support`). The gap
to the following passages tells more in some libraries, but punishes one that says a thing twice or treats one subject
throughout: it was left out.

A passage in another language shares no words with the question, so there the cosine alone has to speak: it was 0.83 to
0.87 for answerable Chinese questions to English articles, and at most 0.81 for others.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.rag.fusion import Evidence, Scale
from apps.rag.overlap import terms
from apps.rag.terms import Group
from apps.rag.types import Language, Passage

LONGEST_ENDING = 5  # characters of a file name's ending
READ = 3  # passages whose terms and names count
MOST_LINKED = 0.25  # the default share of links in a score: a library that follows them further is no better supported

BASE: Mapping[Language, float] = {"en": -9.67, "zh": -9.07}
WEIGHTS = (7.97, 4.38, 2.01, 1.87, 0.14, 12.77)  # in the order of Signs.values
QUOTED_BASE = -25.84
QUOTED_WEIGHTS = (4.52, 2.80, 0.71, 1.68, 0.15, 11.87, 21.22, 2.10)  # in the order of Signs.values and Quotable.values
CROSS_LANGUAGE = (-14.6, 36.0)  # base, by nearness: the same as by cosine with e5's floor of 0.7

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"\b[A-Z][\w'-]+")
_OPENING = re.compile(r"(?:^|[.?!]\s)[\"'“(]?$")
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

    @property
    def values(self) -> tuple[float, ...]:
        """Return the signs in the order of WEIGHTS."""
        return (self.nearness, self.words, self.coverage, self.names, self.title, self.links)


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
    )


def support_of(signs: Signs, language: Language, *, is_cross_language: bool) -> float:
    """Return the probability, 0 to 1, that the passages answer a question in `language`.

    `is_cross_language` says that the best passage is written in another language than the question.
    """
    score = BASE[language] + sum(weight * value for weight, value in zip(WEIGHTS, signs.values, strict=True))
    same = logistic(score)
    if not is_cross_language:
        return same
    base, slope = CROSS_LANGUAGE
    return max(same, logistic(base + slope * signs.nearness))


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
