"""Judges what a search and an answer made of one question of a set. Plain Python.

A gold passage is a document and, where one is given, a quote from it. Both outlive new versions, other ways of cutting
and edits of other passages: a passage is gold where it is of that document and has the words of the quote.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any
from uuid import UUID

from apps.evaluation.answer_metrics import contains, exact_match, f1
from apps.rag.types import Found, Passage

DEEPEST = 20  # places that a result keeps and the curve of recall shows
CUTS = (1, 5, 10)
_LEAST_SHARED = 0.5  # of the quote: a passage may end where the quote goes on
_LEAST_INSIDE = 24  # signs of a passage that lies wholly inside the quote
_SIGNS = re.compile(r"[\W_]+")

Metrics = Mapping[str, Any]  # numbers by name, and "places": the place of each gold passage, 0 where it was not found


@dataclass(frozen=True, slots=True)
class Gold:
    """Words of a document that answer a question; no `quote`: any passage of it does."""

    document: UUID
    name: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One question to be judged. Without gold and answers the library does not answer it, and refusing is right."""

    id: UUID
    text: str
    gold: tuple[Gold, ...] = ()
    answers: tuple[str, ...] = ()

    @property
    def is_answerable(self) -> bool:
        """Return whether the library answers it."""
        return bool(self.gold or self.answers)


@dataclass(frozen=True, slots=True)
class Hit:
    """One place of a ranking: a passage, or a document where the question's gold is whole documents."""

    document: UUID
    name: str
    chunk: UUID
    score: float
    page: int | None = None
    snippet: str = ""
    gold: tuple[int, ...] = ()  # which of the question's gold passages it has

    def as_json(self) -> dict[str, Any]:
        """Return what `RunResult.ranking` holds of it."""
        return {
            "document": str(self.document), "name": self.name, "chunk": str(self.chunk), "score": round(self.score, 4),
            "page": self.page, "snippet": self.snippet, "is_gold": bool(self.gold),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question."""

    case: Case
    ranking: tuple[Hit, ...]
    metrics: Metrics
    support: float = 0.0
    is_refusal: bool = False
    milliseconds: float = 0.0  # of the search
    answer: str = ""
    cited: tuple[str, ...] = field(default=())  # names of the documents that the answer cites


def fold(text: str) -> str:
    """Return letters, signs and digits alone, in one form of each: line breaks and quotes of a copy do not count."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text).lower())


def has_words(text: str, quote: str) -> bool:
    """Return whether `text` has the words of `quote`, or at least the half of them at one of its ends."""
    said, wanted = fold(text), fold(quote)
    if not wanted or wanted in said:
        return True
    if len(said) >= _LEAST_INSIDE and said in wanted:
        return True
    least = max(1, math.ceil(len(wanted) * _LEAST_SHARED))
    return any(said.endswith(wanted[:n]) or said.startswith(wanted[-n:]) for n in range(len(wanted) - 1, least - 1, -1))


def gold_of(case: Case, passage: Passage) -> tuple[int, ...]:
    """Return which of the question's gold passages `passage` has; it counts as it is read, with its section."""
    return tuple(
        number
        for number, gold in enumerate(case.gold)
        if gold.document == passage.document_id
        and (has_words(passage.text, gold.quote) or (passage.section and has_words(passage.reading, gold.quote)))
    )


def ranking_of(case: Case, passages: Iterable[Passage]) -> tuple[Hit, ...]:
    """Return the first places; of documents, each once, where no gold of the question has a quote."""
    by_document = bool(case.gold) and not any(gold.quote for gold in case.gold)
    hits: list[Hit] = []
    seen: set[UUID] = set()
    for passage in passages:
        if by_document and passage.document_id in seen:
            continue
        seen.add(passage.document_id)
        hits.append(_hit(case, passage))
        if len(hits) == DEEPEST:
            break
    return tuple(hits)


def places_of(case: Case, ranking: Sequence[Hit]) -> list[int]:
    """Return the first place of each gold passage, from 1; 0 for one that was not found."""
    return [
        next((place for place, hit in enumerate(ranking, 1) if number in hit.gold), 0)
        for number in range(len(case.gold))
    ]


def judge_search(case: Case, found: Found, *, is_refused: bool) -> Outcome:
    """Return how good the ranking is, and whether refusing, or not, was right."""
    ranking = ranking_of(case, found.passages)
    metrics: dict[str, Any] = {}
    if case.gold:
        places = places_of(case, ranking)
        metrics = {"places": places, **ranking_metrics(places)}
    metrics["false_refusal_rate" if case.is_answerable else "refusal_accuracy"] = float(is_refused)
    return Outcome(case, ranking, metrics, found.support, is_refused, found.milliseconds)


def ranking_metrics(places: Sequence[int]) -> dict[str, float]:
    """Return recall, MRR and nDCG of a ranking by the places of its gold; two at one place count as one gain each."""
    metrics = {f"recall_at_{k}": _share(places, k) for k in CUTS}
    near = [place for place in places if 0 < place <= CUTS[-1]]
    metrics["mrr_at_10"] = 1 / min(near) if near else 0.0
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(len(places), CUTS[-1]) + 1))
    metrics["ndcg_at_10"] = min(1.0, sum(1 / math.log2(place + 1) for place in near) / ideal)
    return metrics


def answer_metrics(case: Case, text: str, cited: Sequence[Passage], *, is_refusal: bool) -> dict[str, float]:
    """Return how good an answer and its citations are; a refusal counts 0 where there was something to say."""
    metrics: dict[str, float] = {}
    if case.answers:
        for name, metric in (("exact_match", exact_match), ("f1", f1), ("answer_contained", contains)):
            metrics[name] = 0.0 if is_refusal else metric(text, case.answers)
    if case.gold:
        held = [] if is_refusal else [gold_of(case, passage) for passage in cited]
        metrics["citation_recall"] = len({number for each in held for number in each}) / len(case.gold)
        if not is_refusal:
            metrics["citation_precision"] = sum(bool(each) for each in held) / max(1, len(held))
    metrics["false_refusal_rate" if case.is_answerable else "refusal_accuracy"] = float(is_refusal)
    return metrics


def summarise(metrics: Iterable[Metrics]) -> dict[str, float]:
    """Return the mean of each number over the questions that have it."""
    values: dict[str, list[float]] = {}
    for each in metrics:
        for name, value in each.items():
            if name != "places":
                values.setdefault(name, []).append(float(value))
    return {name: round(fmean(found), 4) for name, found in values.items()}


def recall_curve(metrics: Iterable[Metrics]) -> list[float]:
    """Return recall at 1, 2 … DEEPEST over the questions that have gold passages; empty where none has."""
    judged = [each["places"] for each in metrics if each.get("places")]
    if not judged:
        return []
    return [round(fmean(_share(places, k) for places in judged), 4) for k in range(1, DEEPEST + 1)]


def _share(places: Sequence[int], k: int) -> float:
    return sum(0 < place <= k for place in places) / len(places)


def _hit(case: Case, passage: Passage) -> Hit:
    return Hit(
        passage.document_id,
        passage.document_name,
        passage.chunk_id,
        passage.score,
        passage.page_from,
        " ".join(passage.text.split())[:240],
        gold_of(case, passage),
    )
