"""Carries out a run: one question after the other, giving way to people who wait for an answer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from django.db.models.functions import Now

from apps.evaluation import alarms, runs
from apps.evaluation.judging import Case, Metrics, Outcome, recall_curve, summarise
from apps.evaluation.models import Run, RunResult, SetQuestion
from apps.evaluation.runs import Held, Settings
from apps.evaluation.trial import answer_case, cases_of, finder, search_case
from apps.libraries.models import Library
from apps.rag.pipeline import Tools
from apps.rag.tools import build_tools
from apps.rag.types import Scope
from apps.runtimes.gate import interactive

PATIENCE_S = 10.0  # a question waits so long for people's answers under way, then takes its turn
RENEW_S = 10.0  # while a model writes

Ask = Callable[[Case], Outcome]


def work(held: Held, *, until: float, is_stopping: Callable[[], bool]) -> bool:
    """Go on with a run until it is done (True) or the shift, by `time.monotonic`, is over; then it is queued again.

    Raises LostRun where it was stopped or taken over, NoModel or RuntimeFailure where a model is missing or breaks.
    """
    run = Run.objects.select_related("questions__library").get(pk=held.run_id)
    questions = runs.open_questions(run)
    cases = cases_of(questions, run.questions.library)
    ask = _asker(run, held) if questions else None
    for question, case in zip(questions, cases, strict=True):
        if time.monotonic() >= until or is_stopping():
            runs.release(held)
            return False
        interactive.give_way(PATIENCE_S)
        runs.keep(held)
        if ask is not None:
            _store(held, question, ask(case))
    finish(held, run)
    return True


def finish(held: Held, run: Run) -> None:
    """Sum up the results and settle the run as done, with an alarm where it is worse than its baseline."""
    results = list(RunResult.objects.filter(run=run).values_list("metrics", "milliseconds"))
    metrics = totals([each for each, _ in results], [milliseconds for _, milliseconds in results])
    alarm = alarms.judge(run)
    held.rows().update(
        state=Run.State.DONE, metrics=metrics, lease_until=None, progress_done=len(results),
        progress_total=len(results), finished_at=Now(), alarm=alarm, is_alarm=bool(alarm),
    )  # fmt: skip


def totals(metrics: Sequence[Metrics], milliseconds: Sequence[float]) -> dict[str, object]:
    """Return what `Run.metrics` holds: means, the curve of recall, and the spread of the times."""
    found: dict[str, object] = {"questions": len(metrics)}
    plain = [{name: value for name, value in each.items() if name != "cited"} for each in metrics]
    found |= {name: value for name, value in summarise(plain).items() if not name.endswith("_ms")}
    found["recall_curve"] = recall_curve(plain)
    found |= _spread("search", milliseconds)
    for name in ("first_token", "answer"):
        found |= _spread(name, [each[f"{name}_ms"] for each in metrics if f"{name}_ms" in each])
    return found


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    median, high = np.percentile(values, [50, 95])
    return {f"{name}_p50_ms": round(float(median), 1), f"{name}_p95_ms": round(float(high), 1)}


def _asker(run: Run, held: Held) -> Ask:
    """Return what asks one question, with the models loaded."""
    library, chosen = run.questions.library, Settings.stored(run.settings)
    find = finder(library, chosen.search.options)
    find("预热 warm up")  # model and dictionary read their first question slowly: that is no figure of the search
    if run.kind == Run.Kind.RETRIEVAL:
        return lambda case: search_case(case, find)
    tools = _tools(library, chosen)
    return lambda case: answer_case(case, find, tools, on_step=_Keeper(held))


def _tools(library: Library, chosen: Settings) -> Tools:
    """Return the tools of the library's chats, but without curated answers: those would be judged as searches."""
    scope = Scope.whole(library.team_id, (library.pk,))
    return replace(build_tools(scope=scope, mode=chosen.mode, settings=chosen.search), curated=None)


class _Keeper:
    """Renews the lease now and then; called for each step of an answer, also while a model only reads."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._kept_at = time.monotonic()

    def __call__(self) -> None:
        """Renew the lease if it is time. Raises LostRun, which ends the answer."""
        if time.monotonic() - self._kept_at >= RENEW_S:
            runs.keep(self._held)
            self._kept_at = time.monotonic()


def _store(held: Held, question: SetQuestion, outcome: Outcome) -> None:
    runs.store(held, question, outcome)
