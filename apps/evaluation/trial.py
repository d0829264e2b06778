"""Puts the questions of a set to the product's own search and answers; the one way of doing so.

`search_case(case, finder(library, options))` for each of `cases_of(questions, library)`, then `judging.summarise` of
the outcomes' metrics.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from apps.evaluation.answer_metrics import plain
from apps.evaluation.judging import Case, Gold, Outcome, answer_metrics, judge_search
from apps.evaluation.models import SetQuestion
from apps.libraries.models import Document, Library
from apps.rag.options import SearchOptions
from apps.rag.pipeline import Tools, answer
from apps.rag.refusal import is_supported
from apps.rag.search import SearchTools, search
from apps.rag.types import Delta, Finished, Found, Scope

PASSAGES = 50  # asked for: enough for twenty places, also of documents of which each has several

Find = Callable[[str], Found]


def library_questions(library: Library) -> list[SetQuestion]:
    """Return the accepted questions of all sets of a library."""
    accepted = SetQuestion.objects.filter(state=SetQuestion.State.ACCEPTED)
    return list(accepted.filter(questions__library=library, questions__deleted_at=None))


def cases_of(questions: Iterable[SetQuestion], library: Library) -> list[Case]:
    """Return the questions to be judged; gold of a document that was deleted leads to its namesake, if there is one."""
    rows = list(questions)
    alive = _alive(library, rows)
    return [
        Case(
            row.pk,
            row.text,
            tuple(Gold(alive.get(entry["document"], _NOWHERE), entry["name"], entry["quote"]) for entry in row.gold),
            tuple(row.answers),
        )
        for row in rows
    ]


def finder(library: Library, options: SearchOptions | None = None) -> Find:
    """Return the search in one library. Loads the embedding model: workers only. Raises NoModel, RuntimeFailure."""
    scope = Scope.whole(library.team_id, (library.pk,))
    return partial(_find, scope, options, SearchTools.default())


def search_case(case: Case, find: Find) -> Outcome:
    """Return how well `find` finds the gold passages of a question, and whether its support refuses rightly."""
    found = find(case.text)
    return judge_search(case, found, is_refused=not is_supported(found))


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from the question to the first word and to the end of an answer."""

    first_token: float
    whole: float


def answer_case(case: Case, find: Find, tools: Tools, *, on_step: Callable[[], None] = lambda: None) -> Outcome:
    """Return how good the ranking and the answer are. `on_step` is called while a model writes; it may raise."""
    outcome = search_case(case, find)
    began = time.perf_counter()
    first, finished = 0.0, Finished("", (), is_refusal=True)
    steps = answer(case.text, (), tools)
    for step in steps:
        on_step()
        if not first and isinstance(step, Delta) and step.text:
            first = (time.perf_counter() - began) * 1000
        if isinstance(step, Finished):
            finished = step
    cited = [cite.passage for cite in finished.citations]
    said = plain(finished.text)
    metrics: dict[str, Any] = {key: value for key, value in outcome.metrics.items() if "refusal" not in key}
    metrics |= answer_metrics(case, said, cited, is_refusal=finished.is_refusal)
    metrics |= {"first_token_ms": round(first, 1), "answer_ms": round((time.perf_counter() - began) * 1000, 1)}
    names = tuple(dict.fromkeys(passage.document_name for passage in cited))
    return replace(outcome, metrics=metrics, is_refusal=finished.is_refusal, answer=said, cited=names)


_NOWHERE = UUID(int=0)


def _find(scope: Scope, options: SearchOptions | None, tools: SearchTools, question: str) -> Found:
    return search(scope, question, k=PASSAGES, options=options, tools=tools)


def _alive(library: Library, questions: Iterable[SetQuestion]) -> dict[str, UUID]:
    """Return the living document of each document id in gold: itself, or the one that has its name now."""
    wanted = {entry["document"]: entry["name"] for question in questions for entry in question.gold}
    documents = Document.objects.filter(library=library, deleted_at=None)
    here = {str(pk): pk for pk in documents.filter(pk__in=list(wanted)).values_list("pk", flat=True)}
    gone = {name for key, name in wanted.items() if key not in here}
    namesakes = dict(documents.filter(name__in=gone).order_by("-created_at").values_list("name", "pk")) if gone else {}
    return here | {key: namesakes[name] for key, name in wanted.items() if key not in here and name in namesakes}
