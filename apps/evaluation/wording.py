"""What a draft of a library's words would change in its search, question by question, before it is applied.

The questions are put to the search of the product twice: as it is, and inside a transaction in which the passages with
a changed word are indexed by the draft, which is then rolled back. So the comparison sees what applying would bring,
and nobody else sees it.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from django.core.cache import cache
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from apps.evaluation.judging import Case, Outcome, summarise
from apps.evaluation.trial import Find, cases_of, finder, library_questions, search_case
from apps.libraries.lexicons import trial
from apps.libraries.models import AskedQuestion, Lexicon, Library
from apps.libraries.word_changes import TRIED_AT_MOST, index_for_trial
from apps.libraries.word_errors import NoDraft
from apps.libraries.wording import Wording, stored_wording
from apps.rag.options import stored_settings
from apps.runtimes.gate import interactive

MOST_QUESTIONS = 200
MOST_ASKED = 50  # of the log, where no set has a question
SHOWN_PLACES = 5  # by which rankings without gold are told apart
KEPT_S = 3_600
SILENT_S = 180  # after so long without progress a comparison is taken for dead
METRICS = ("ndcg_at_10", "mrr_at_10", "recall_at_5")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one question: `before` and `after` are the first place of its gold, 0 for not found.

    A question without gold is the same, or moved.
    """

    text: str
    change: str  # better, worse, same, moved
    before: int | None
    after: int | None
    first_before: str  # name of the first document
    first_after: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a comparison is."""

    done: int
    total: int


class Cancelled(Exception):
    """Nobody wants this comparison any more: the draft changed, or another one began."""


def begin(library: Library) -> str:
    """Remember that a comparison was asked for; the caller rings. Raises NoDraft."""
    token = str(uuid4())
    report = {"state": "running", "token": token}
    if not Lexicon.objects.filter(library=library, draft__isnull=False).update(report=report):
        raise NoDraft
    _show(token, Progress(0, 0))
    return token


def progress_of(report: dict[str, Any]) -> Progress | None:
    """Return how far a running comparison is; None where it died."""
    stored = cache.get(_key(report.get("token", "")))
    return Progress(stored["done"], stored["total"]) if stored else None


def compare(library_id: UUID, token: str) -> None:
    """Carry out a comparison and store its report, unless nobody wants it any more. Raises Cancelled."""
    began = time.perf_counter()
    library = Library.objects.get(pk=library_id, deleted_at=None)
    draft = _draft(library_id, token)
    cases, kind = _cases(library)
    find = finder(library, stored_settings(library.search).options)
    step = _Steps(library_id, token, 2 * len(cases))
    before = step.each(cases, find, is_patient=True)
    after, chunks = _tried(library_id, draft, step, cases, find)
    report = {
        "state": "done",
        "token": token,
        "kind": kind,
        "chunks": chunks,
        "is_partial": chunks >= TRIED_AT_MOST,
        "rows": [asdict(_change(*pair)) for pair in zip(before, after, strict=True)],
        "before": _summary(before),
        "after": _summary(after),
        "seconds": round(time.perf_counter() - began, 1),
        "at": timezone.now().isoformat(),
    }
    Lexicon.objects.filter(library=library_id, report__token=token).update(report=report)


def fail(library_id: UUID, token: str, code: str) -> None:
    """Say why a comparison ended without a report."""
    report = {"state": "failed", "token": token, "code": code}
    Lexicon.objects.filter(library=library_id, report__token=token).update(report=report)


def _draft(library_id: UUID, token: str) -> Wording:
    row = Lexicon.objects.filter(library=library_id).first()
    if row is None or row.draft is None or row.report.get("token") != token:
        raise Cancelled
    return stored_wording(row.draft)


def _cases(library: Library) -> tuple[list[Case], str]:
    """Return the questions of the library's sets; where there are none, those that were asked last."""
    questions = library_questions(library)[:MOST_QUESTIONS]
    if questions:
        return cases_of(questions, library), "sets"
    asked = AskedQuestion.objects.filter(library_ids=[library.pk]).order_by().values("question")
    rows = asked.annotate(last=Max("created_at")).order_by("-last")[:MOST_ASKED]
    return [Case(uuid4(), row["question"]) for row in rows], "asked"


class _Steps:
    """Counts questions, and stops where nobody wants the comparison any more."""

    def __init__(self, library_id: UUID, token: str, total: int) -> None:
        self._library_id, self._token, self._total = library_id, token, total
        self._done = 0

    def each(self, cases: Sequence[Case], find: Find, *, is_patient: bool) -> list[Outcome]:
        """Return what comes of each question; where nobody else is kept waiting, people's answers go first."""
        outcomes = []
        for case in cases:
            if is_patient:
                interactive.give_way()
            outcomes.append(self._one(case, find))
        return outcomes

    def _one(self, case: Case, find: Find) -> Outcome:
        if not Lexicon.objects.filter(library=self._library_id, report__token=self._token).exists():
            raise Cancelled
        outcome = search_case(case, find)
        self._done += 1
        _show(self._token, Progress(self._done, self._total))
        return outcome


def _tried(
    library_id: UUID, draft: Wording, step: _Steps, cases: Sequence[Case], find: Find
) -> tuple[list[Outcome], int]:
    with transaction.atomic():
        chunks = index_for_trial(library_id, draft)
        with trial({library_id: draft}):
            after = step.each(cases, find, is_patient=False)
        transaction.set_rollback(True)
    return after, chunks


def _change(before: Outcome, after: Outcome) -> Change:
    first = (_first_name(before), _first_name(after))
    if not before.case.gold:
        rankings = [[hit.chunk for hit in outcome.ranking[:SHOWN_PLACES]] for outcome in (before, after)]
        return Change(before.case.text, "same" if rankings[0] == rankings[1] else "moved", None, None, *first)
    places = (_first(before), _first(after))
    gain = float(after.metrics["ndcg_at_10"]) - float(before.metrics["ndcg_at_10"])
    deep = (places[0] or 1_000) - (places[1] or 1_000)
    moved = gain or deep
    change = "same" if not moved else "better" if moved > 0 else "worse"
    return Change(before.case.text, change, *places, *first)


def _first_name(outcome: Outcome) -> str:
    return outcome.ranking[0].name if outcome.ranking else ""


def _first(outcome: Outcome) -> int:
    return min((place for place in outcome.metrics["places"] if place), default=0)


def _summary(outcomes: Sequence[Outcome]) -> dict[str, float]:
    means = summarise(outcome.metrics for outcome in outcomes)
    return {name: means[name] for name in METRICS if name in means}


def _show(token: str, progress: Progress) -> None:
    cache.set(_key(token), asdict(progress), SILENT_S)


def _key(token: str) -> str:
    return f"compare-words:{token}"
