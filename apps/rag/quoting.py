"""Quote mode: the answer is the passages' own best sentences, word for word. Plain Python.

The weights were measured, see docs/adr/0006-default-answer-mode.md.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from apps.rag.overlap import Weights, terms
from apps.rag.passages import Given
from apps.rag.sentences import split
from apps.rag.types import Cite
from apps.runtimes.contracts import Floats

Embed = Callable[[Sequence[str]], Floats]

CANDIDATES = 24  # sentences that are embedded: a quarter of a second on two cores
LONGEST_EMBEDDED = 240  # characters of a candidate that the embedder reads


@dataclass(frozen=True, slots=True)
class Weighing:
    """What a sentence's score is made of; all parts are 0..1 but the cosine."""

    cosine: float = 4.0
    words: float = 1.0  # weighted share of the question's terms in the sentence
    around: float = 0.5  # the same share in its neighbours and the titles
    rank: float = 0.6  # of its passage: 1, 1/2, 1/3 …
    kind: float = 0.3  # has what the question asks for: a date, a number, a reason
    fragment: float = 0.5  # taken off a heading, a label or a question
    more: float = 0.25  # gain in question terms from which a further sentence is quoted too


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence with its terms and its score before the embedding's."""

    given: Given
    text: str
    held: frozenset[str]
    prior: float


_KINDS = (
    (re.compile(r"什么时候|何时|哪[一]?年|哪[一]?天|几[年月日点]|时间|日期|\bwhen\b|\bwhat (?:year|date|day|time)\b|which year"),
     re.compile(r"\d{2,4}\s*年|\d+\s*[月日号时点]|世纪|\b\d{4}\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\d+:\d\d")),
    (re.compile(r"多少|几[个位名次种天条岁]|多[长大高远重久]|\bhow (?:many|much|long|far|old|tall|often|large|big)\b|number of|percent"),
     re.compile(r"\d|[一二三四五六七八九十百千万两]+[个位名次种天条岁元米年人]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million|once|twice)\b")),
    (re.compile(r"为什么|为何|原因|缘故|\bwhy\b|\breason\b|\bcause"),
     re.compile(r"因为|由于|因此|所以|为了|以便|导致|\bbecause\b|\bdue to\b|\bsince\b|\bin order to\b|\bso that\b|\bcaused?\b")),
    (re.compile(r"哪里|何处|哪儿|什么地方|哪[个座]?(?:城市|国家|地区|省)|位于|\bwhere\b|\bwhich (?:city|country|state|place)\b"),
     re.compile(r"在|位于|于|[省市县区镇村国岛州]|\bin\b|\bat\b|\bnear\b|\blocated\b")),
)  # fmt: skip
_FRAGMENT = re.compile(r"[?？:：]\s*$")


def best_sentences(
    question: str, given: Sequence[Given], embed: Embed, *, most: int, weighing: Weighing = Weighing()
) -> list[Cite]:
    """Return one to `most` sentences that answer best, each as a citation of its passage, the strongest first.

    Costs one batch of at most CANDIDATES + 1 embeddings. Returns [] only where nothing was given.
    """
    scorer = _Scorer(question, given, weighing)
    candidates = scorer.candidates()
    if not candidates:
        return []
    vectors = embed([question, *(candidate.text[:LONGEST_EMBEDDED] for candidate in candidates)])
    cosines = vectors[1:] @ vectors[0]
    scores = np.array([candidate.prior for candidate in candidates]) + weighing.cosine * cosines
    ranked = [candidates[place] for place in np.argsort(-scores, kind="stable")]
    return [Cite(each.given.number, each.given.passage, each.text) for each in scorer.choose(ranked, most)]


class _Scorer:
    """Weighs the sentences of the given passages for one question."""

    def __init__(self, question: str, given: Sequence[Given], weighing: Weighing) -> None:
        self._texts = [(each, sentence.text) for each in given for sentence in split(each.text)]
        self._held = [frozenset(terms(text)) for _, text in self._texts]
        self._titles = {each.number: frozenset(terms(_title(each))) for each in given}
        self._weights = Weights(self._held)
        self._wanted = frozenset(terms(question))
        self._answers = [answer for asked, answer in _KINDS if asked.search(question.lower())]
        self._weighing = weighing

    def candidates(self) -> list[_Candidate]:
        """Return the sentences worth embedding, by all but the embedding."""
        found = [self._candidate(place) for place, held in enumerate(self._held) if held]
        found.sort(key=lambda candidate: -candidate.prior)
        return found[:CANDIDATES]

    def choose(self, ranked: Sequence[_Candidate], most: int) -> list[_Candidate]:
        """Return the best one, and those behind it that hold enough of the question that the chosen ones lack."""
        chosen = [ranked[0]]
        total = self._weights.sum(self._wanted)
        covered = ranked[0].held | self._titles[ranked[0].given.number]
        for candidate in ranked[1:]:
            if len(chosen) == most or not total:
                break
            fresh = (candidate.held | self._titles[candidate.given.number]) - covered
            if self._weights.sum(fresh & self._wanted) >= self._weighing.more * total:
                chosen.append(candidate)
                covered |= fresh
        return chosen

    def _candidate(self, place: int) -> _Candidate:
        given, text = self._texts[place]
        held, weigh = self._held[place], self._weighing
        around = held | self._titles[given.number]
        for neighbour in (place - 1, place + 1):
            if 0 <= neighbour < len(self._texts) and self._texts[neighbour][0] is given:
                around |= self._held[neighbour]
        prior = (
            weigh.words * self._weights.coverage(self._wanted, held)
            + weigh.around * self._weights.coverage(self._wanted, around)
            + weigh.rank / given.number
            + weigh.kind * self._has_kind(text)
            - weigh.fragment * (len(held) < 3 or bool(_FRAGMENT.search(text)))
        )
        return _Candidate(given, text, held, prior)

    def _has_kind(self, text: str) -> float:
        """Return the share of what the question asks for that the sentence has; 0 where nothing is recognised."""
        lowered = text.lower()
        return sum(bool(answer.search(lowered)) for answer in self._answers) / max(1, len(self._answers))


def _title(given: Given) -> str:
    return " ".join((given.passage.document_name, *given.passage.heading_path))
