"""The life of a job on a model: queued, claimed with a lease, renewed while it works, settled, or taken over."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from apps.catalog.errors import JobCancelled, JobLost, JobRunning
from apps.catalog.models import AIModel, ModelJob
from apps.core.errors import AppError
from apps.core.leases import renewing
from apps.users.models import User

logger = logging.getLogger(__name__)
Kind, State = ModelJob.Kind, ModelJob.State
FREE = Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=Now())  # waits, or its worker is silent
LEASE = timedelta(seconds=60)
BEAT_S = 15.0
TELL_S = 1.0  # progress is written at most so often
ATTEMPTS = 3


class LostJob(Exception):
    """Another worker took the job over, or it is gone."""


@dataclass(frozen=True, slots=True)
class Held:
    """A job of this worker; `attempt` fences off those that lost it."""

    job: ModelJob
    attempt: int

    def mine(self) -> QuerySet[ModelJob]:
        """Return the row as long as it is this worker's."""
        return ModelJob.objects.filter(pk=self.job.pk, state=State.RUNNING, attempts=self.attempt)


class Watch:
    """What the work tells while it goes on; raises JobCancelled or LostJob where it is not wanted any more."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._told_at = 0.0

    def tell(self, done: int, total: int) -> None:
        """Keep how far the work is, about once a second, and hear whether to stop."""
        now = time.monotonic()
        if now - self._told_at >= TELL_S or done >= total:
            self._told_at = now
            self.step(done, total)

    def step(self, done: int, total: int) -> None:
        """Keep how far the work is, now."""
        if not self._held.mine().update(done=done, total=total, lease_until=Now() + LEASE):
            raise LostJob
        if self._held.mine().filter(cancel_asked_at__isnull=False).exists():
            raise JobCancelled


@transaction.atomic
def start(model: AIModel, kind: str, *, user: User | None, options: Mapping[str, Any] | None = None) -> ModelJob:
    """Queue a job; the caller rings on commit. Raises JobRunning while another one of the model goes on."""
    AIModel.objects.select_for_update(no_key=True).get(pk=model.pk)
    if ModelJob.objects.filter(model=model, state__in=ModelJob.LIVE).exists():
        raise JobRunning
    return ModelJob.objects.create(model=model, kind=kind, started_by=user, options=dict(options or {}))


def claim(kinds: tuple[str, ...]) -> Held | None:
    """Take the oldest job of the kinds that waits or whose worker is silent; None where there is none."""
    with transaction.atomic():
        waiting = ModelJob.objects.filter(FREE, kind__in=kinds, model__isnull=False).order_by("created_at")
        job = waiting.select_for_update(skip_locked=True).first()
        if job is None:
            return None
        ModelJob.objects.filter(pk=job.pk).update(
            state=State.RUNNING, attempts=F("attempts") + 1, lease_until=Now() + LEASE
        )
    job.refresh_from_db()
    return Held(job, job.attempts)


@contextmanager
def beating(held: Held) -> Iterator[Watch]:
    """Renew the lease while the block works."""

    def renew() -> None:
        held.mine().update(lease_until=Now() + LEASE)

    with renewing(renew, lambda: BEAT_S, "model-job-lease"):
        yield Watch(held)


def finish(held: Held, result: Mapping[str, Any]) -> bool:
    """Settle a job that went well; returns whether it was still this worker's."""
    return bool(held.mine().update(state=State.DONE, result=dict(result), lease_until=None, updated_at=Now()))


def fail(held: Held, error: AppError) -> bool:
    """Settle a job that did not; cancelled is told apart. Returns whether it was still this worker's."""
    state = State.CANCELLED if isinstance(error, JobCancelled) else State.FAILED
    changed = held.mine().update(
        state=state,
        error_code=error.code,
        error_params={name: str(value)[:300] for name, value in error.params.items()},
        lease_until=None,
        updated_at=Now(),
    )
    return bool(changed)


def is_worn_out(held: Held) -> bool:
    """Return whether the job brought down its worker too often; it is failed then."""
    return held.attempt > ATTEMPTS and fail(held, JobLost())


def cancel(job_id: UUID) -> None:
    """Ask a job to stop; one that nobody began ends at once."""
    waiting = ModelJob.objects.filter(pk=job_id, state=State.QUEUED)
    if not waiting.update(state=State.CANCELLED, error_code=JobCancelled.code, updated_at=Now()):
        ModelJob.objects.filter(pk=job_id, state=State.RUNNING).update(cancel_asked_at=Now())


def waiting_kinds() -> set[str]:
    """Return the kinds of jobs that a worker should be rung for."""
    return set(ModelJob.objects.filter(FREE).values_list("kind", flat=True))
