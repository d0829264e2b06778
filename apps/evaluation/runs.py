"""The life of a run: queued, leased, gone on with question by question, settled. Every write is a compare-and-set.

A worker owns a running run while the row has the number of its claim (`attempt`) and is running; whoever lost it finds
its writes without effect and stops. A result is stored with its step, so a run goes on where a dead worker left it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from apps.audit import services as audit
from apps.evaluation import facts
from apps.evaluation.judging import Outcome
from apps.evaluation.models import QuestionSet, Run, RunResult, SetQuestion
from apps.evaluation.set_errors import NothingToRun, RunFailed, RunLost, RunUnderWay
from apps.libraries.models import Library
from apps.rag.options import SearchSettings, as_json, stored_settings
from apps.users.models import User

State = Run.State
MOST_LOSSES = 3  # workers that may die with a run
MODES = ("auto", "quote", "generate")


class LostRun(Exception):
    """The run is not this worker's any more: stopped, or taken over."""


@dataclass(frozen=True, slots=True)
class Settings:
    """With which settings a set runs. `mode` is how answers are made: rag.tools.AskedMode."""

    search: SearchSettings
    mode: str = "auto"

    @classmethod
    def of_library(cls, library: Library, mode: str = "auto") -> "Settings":
        """Return the settings that the library's chats have."""
        return cls(stored_settings(library.search), mode)

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> "Settings":
        """Return the settings of a run."""
        mode = values.get("mode", "auto")
        return cls(stored_settings(values.get("search", {})), mode if mode in MODES else "auto")

    def as_json(self) -> dict[str, Any]:
        """Return what `Run.settings` holds."""
        return {"search": as_json(self.search), "mode": self.mode}


@dataclass(frozen=True, slots=True)
class Held:
    """A run that this process owns."""

    run_id: UUID
    attempt: int

    def rows(self) -> QuerySet[Run]:
        """Return the run's row, empty once it is somebody else's or was stopped."""
        return Run.objects.filter(pk=self.run_id, state=State.RUNNING, attempt=self.attempt)


@transaction.atomic
def start(
    *, user: User | None, questions: QuestionSet, kind: str, chosen: Settings, label: str = "", nightly: bool = False
) -> Run:
    """Queue a run of a set. Raises NothingToRun, or RunUnderWay: one at a time."""
    QuestionSet.objects.select_for_update().get(pk=questions.pk)
    if Run.objects.filter(questions=questions, state__in=Run.LIVE).exists():
        raise RunUnderWay
    total = accepted(questions).count()
    if not total:
        raise NothingToRun
    run = Run.objects.create(
        questions=questions, kind=kind, label=label[:100], settings=chosen.as_json(), progress_total=total,
        is_nightly=nightly, started_by=user, facts=facts.of(questions, chosen.as_json()),
    )  # fmt: skip
    if user is not None:
        detail = {"set": questions.name, "kind": kind}
        audit.record("run.started", actor=user, team=questions.library.team, target=run, detail=detail)
    return run


@transaction.atomic
def go_on(*, run: Run) -> bool:
    """Queue a stopped or failed run again; what it has is kept. Raises RunUnderWay."""
    QuestionSet.objects.select_for_update().get(pk=run.questions_id)
    if Run.objects.filter(questions=run.questions_id, state__in=Run.LIVE).exists():
        raise RunUnderWay
    ended = Run.objects.filter(pk=run.pk, state__in=(State.FAILED, State.CANCELLED))
    return bool(ended.update(state=State.QUEUED, error_code="", losses=0, finished_at=None))


def stop(*, run: Run) -> bool:
    """Stop a run at once; its worker notices before it stores the next result. What is measured is kept."""
    live = Run.objects.filter(pk=run.pk, state__in=Run.LIVE)
    return bool(live.update(state=State.CANCELLED, lease_until=None, finished_at=Now()))


def accepted(questions: QuestionSet) -> QuerySet[SetQuestion]:
    """Return the questions that a run asks."""
    return SetQuestion.objects.filter(questions=questions, state=SetQuestion.State.ACCEPTED)


def open_questions(run: Run) -> list[SetQuestion]:
    """Return the questions that the run has no result of yet."""
    done = RunResult.objects.filter(run=run).exclude(question=None).values("question")
    return list(accepted(run.questions).exclude(pk__in=done))


def due() -> QuerySet[Run]:
    """Return the runs that a worker may take, oldest first; those with a silent worker too."""
    is_lost = Q(state=State.RUNNING) & (Q(lease_until__lt=Now()) | Q(lease_until=None))
    wanted = Run.objects.filter(Q(state=State.QUEUED) | is_lost)
    return wanted.filter(questions__deleted_at=None, questions__library__deleted_at=None).order_by("created_at", "pk")


@transaction.atomic
def claim() -> Held | None:
    """Lease the next run to this process; None where nothing waits. One that killed its workers fails instead."""
    run = due().select_for_update(skip_locked=True, of=("self",)).first()
    if run is None:
        return None
    losses = run.losses + (run.state == State.RUNNING)
    if losses >= MOST_LOSSES:
        _ended(run, State.FAILED, error_code=RunLost.code, losses=losses)
        return claim()
    begun = Coalesce("started_at", Now())
    Run.objects.filter(pk=run.pk).update(
        state=State.RUNNING, attempt=F("attempt") + 1, losses=losses, lease_until=_lease(), started_at=begun
    )
    return Held(run.pk, run.attempt + 1)


def keep(held: Held) -> None:
    """Renew the lease. Raises LostRun."""
    if not held.rows().update(lease_until=_lease()):
        raise LostRun


def release(held: Held) -> None:
    """Queue a run of ours again, with what it has."""
    held.rows().update(state=State.QUEUED, lease_until=None)


@transaction.atomic
def store(held: Held, question: SetQuestion, outcome: Outcome) -> None:
    """Keep what came of one question, once. Raises LostRun."""
    if not held.rows().update(progress_done=F("progress_done") + 1, lease_until=_lease()):
        raise LostRun
    RunResult.objects.create(
        run_id=held.run_id,
        question=SetQuestion.objects.filter(pk=question.pk).first(),  # deleted meanwhile: the copy stays
        text=question.text,
        gold=question.gold,
        ranking=[hit.as_json() for hit in outcome.ranking],
        answer=outcome.answer,
        is_refusal=outcome.is_refusal,
        support=outcome.support,
        metrics={**outcome.metrics, **({"cited": list(outcome.cited)} if outcome.cited else {})},
        milliseconds=outcome.milliseconds,
    )


def fail(held: Held, code: str = RunFailed.code) -> None:
    """Settle as failed; what was measured is kept."""
    held.rows().update(state=State.FAILED, error_code=code[:60], lease_until=None, finished_at=Now())


def _ended(run: Run, state: str, **fields: Any) -> None:
    Run.objects.filter(pk=run.pk).update(state=state, lease_until=None, finished_at=Now(), **fields)


def _lease() -> Any:
    return Now() + timedelta(seconds=2 * settings.ENV.lease_s)  # a model may read for long before its first word
