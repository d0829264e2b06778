"""The life of a job: leased for one slice, given back, ended. Every write is a compare-and-set by the lease's token.

Whoever lost the lease finds its writes without effect. All times are the database's.
"""

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.core.errors import AppError
from apps.core.leases import renewing
from apps.core.models import JobState
from apps.images import live, planning, queueing, settling
from apps.images.errors import JobCancelled, PictureFlagged, WorkerLost
from apps.images.models import ImageJob, Scene
from apps.runtimes.drawing import Progress, Stopped

State = ImageJob.State
BEAT_S = 15.0
LOOK_S = 0.5  # how often the row is asked whether to stop; the cache is asked at each step
SHOW_S = 0.2  # how often progress and preview are shown
TELL_S = 2.0  # how often the step is written to the row
ATTEMPTS = 3
PURGED_AT_ONCE = 1_000


class LostJob(Exception):
    """Another worker took the job over, or it is gone."""


@dataclass(frozen=True, slots=True)
class Held:
    """A job that this process owns for one slice."""

    job: ImageJob
    turn: queueing.Turn

    def rows(self) -> QuerySet[ImageJob]:
        """Return the job's row, empty once it is somebody else's or has ended."""
        return ImageJob.objects.filter(pk=self.job.pk, state=State.RUNNING, lease_owner=self.job.lease_owner)

    def lock(self) -> ImageJob:
        """Return the row, locked until the transaction ends. Raises LostJob."""
        job = self.rows().select_for_update(of=("self",)).first()
        if job is None:
            raise LostJob
        return job


def claim() -> Held | None:
    """Lease the job whose turn it is to this process; None where none waits."""
    turn = queueing.take_next(f"{socket.gethostname()[:50]}:{os.getpid()}:{uuid.uuid4().hex[:12]}")
    return None if turn is None else Held(turn.job, turn)


class Watch:
    """What the work tells while it goes on; raises JobCancelled, Stopped or LostJob where it is not wanted any more."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._looked_at = self._shown_at = 0.0
        self._told_at = time.monotonic()
        self.number = 0  # of the picture under way
        self._preview: tuple[int, bytes | None] = (0, None)  # of which picture, and what it shows
        self.last_step = 0
        self.loading_s = 0.0  # that the model took to be there: no measure of how fast it draws

    def on_step(self, progress: Progress) -> None:
        """Show a step of the picture under way. Raises Stopped within one step of a cancellation."""
        self.last_step = progress.step
        self._stop_if_unwanted()
        if progress.preview is not None:
            self._preview = self.number, live.preview_of(progress.preview)
        now = time.monotonic()
        if now - self._shown_at >= SHOW_S or progress.step in {1, progress.steps}:
            self._shown_at = now
            live.show(self._held.job.pk, live.Live(self.number, progress.step, progress.steps, self._seen()))
        if now - self._told_at >= TELL_S:
            self._told_at = now
            self._held.rows().update(step=progress.step, steps=progress.steps, updated_at=Now())

    def _seen(self) -> bytes | None:
        """Return the newest preview of the picture under way; models make one now and then only."""
        number, preview = self._preview
        return preview if number == self.number else None

    def step(self, done: int, total: int) -> None:
        """Keep how far a training is, of all its steps. Raises JobCancelled or LostJob."""
        if not self._held.rows().update(done=done, total=total, lease_until=Now() + queueing.lease()):
            raise LostJob
        self.check()

    def check(self) -> None:
        """Raise JobCancelled or LostJob where the job is not wanted, by its row."""
        asked = self._held.rows().values_list("cancel_asked_at", flat=True).first()
        if asked is not None:
            raise JobCancelled
        if not self._held.rows().exists():
            raise LostJob

    def _stop_if_unwanted(self) -> None:
        now = time.monotonic()
        is_to_stop = live.is_to_stop(self._held.job.pk)
        if is_to_stop or now - self._looked_at >= LOOK_S:
            self._looked_at = now
            if not self._held.rows().filter(cancel_asked_at=None).exists():
                raise Stopped


@contextmanager
def beating(held: Held) -> Iterator[Watch]:
    """Renew the lease while the block works."""

    def renew() -> None:
        held.rows().update(lease_until=Now() + queueing.lease())

    with renewing(renew, _beat_s, "image-job-lease"):
        yield Watch(held)


def _beat_s() -> float:
    return min(BEAT_S, queueing.lease().total_seconds() / 3)


@transaction.atomic
def give_back(held: Held, seconds: float) -> None:
    """Put the job into the queue again after a slice; one that was cancelled meanwhile ends. Raises LostJob."""
    job = held.lock()
    job.seconds += seconds
    if job.cancel_asked_at is not None:
        _end(job, State.CANCELLED, JobCancelled())
        return
    job.state, job.lease_owner, job.lease_until, job.step = State.QUEUED, "", None, 0
    job.save()


@transaction.atomic
def finish(held: Held, seconds: float) -> None:
    """Settle a job that is done; one whose pictures were held back has failed. Raises LostJob."""
    job = held.lock()
    job.seconds += seconds
    flagged = planning.flagged_of(job)
    if flagged:
        _end(job, State.FAILED, PictureFlagged(pictures=len(flagged)))
    else:
        _end(job, State.DONE, None)


@transaction.atomic
def fail(held: Held, error: AppError, seconds: float, *, steps: int = 0) -> None:
    """Settle a job that is not; cancelled is told apart. `steps` were drawn of the picture that is lost."""
    job = held.lock()
    job.seconds += seconds
    job.step = steps
    _end(job, State.CANCELLED if isinstance(error, JobCancelled) else State.FAILED, error)


def _end(job: ImageJob, state: JobState, error: AppError | None) -> None:
    """End a locked job and count what it really took, in one transaction."""
    cost = settling.cost_so_far(job)
    job.state, job.lease_owner, job.lease_until, job.finished_at = state, "", None, Now()
    job.error_code = error.code if error else ""
    job.error_params = {name: str(value)[:300] for name, value in error.params.items()} if error else {}
    job.save()
    settling.settle(job, cost)
    transaction.on_commit(lambda: live.forget(job.pk))


def cancel(job_id: UUID) -> bool:
    """End a job that waits at once, and ask a running one to stop; return whether it was live."""
    with transaction.atomic():
        job = ImageJob.objects.select_for_update(of=("self",)).filter(pk=job_id, state__in=ImageJob.LIVE).first()
        if job is None:
            return False
        if job.state == State.QUEUED:
            _end(job, State.CANCELLED, JobCancelled())
            return True
        ImageJob.objects.filter(pk=job_id, cancel_asked_at=None).update(cancel_asked_at=Now())
    live.ask_to_stop(job_id)
    return True


def take_back_expired() -> int:
    """Queue again what dead workers held, or fail it after ATTEMPTS of them; return how many there were."""
    expired = ImageJob.objects.filter(Q(lease_until__lt=Now()) | Q(lease_until=None), state=State.RUNNING)
    with transaction.atomic():
        jobs = list(expired.select_for_update(of=("self",), skip_locked=True).order_by("pk"))
        for job in jobs:
            _take_back(job)
    return len(jobs)


def _take_back(job: ImageJob) -> None:
    job.attempts += 1
    job.step = 0
    if job.cancel_asked_at is not None:
        _end(job, State.CANCELLED, JobCancelled())
    elif job.attempts >= ATTEMPTS:
        _end(job, State.FAILED, WorkerLost())
    else:
        job.state, job.lease_owner, job.lease_until = State.QUEUED, "", None
        job.save()
        live.forget(job.pk)


def has_waiting() -> bool:
    """Return whether a worker should be rung for."""
    return ImageJob.objects.filter(state=State.QUEUED).exists()


def live_reservations() -> list[UUID]:
    """Return what live jobs hold of quotas, so that it does not expire while they wait."""
    held = ImageJob.objects.filter(state__in=ImageJob.LIVE).exclude(reservation=None)
    return [each for each in held.values_list("reservation", flat=True) if each is not None]


def dismiss(jobs: QuerySet[ImageJob]) -> int:
    """Note that their owner has seen how these ended; return how many."""
    return (
        jobs.exclude(state__in=ImageJob.LIVE)
        .filter(is_dismissed=False)
        .update(is_dismissed=True, updated_at=F("updated_at"))
    )


def purge() -> int:
    """Delete jobs that ended KB_IMAGE_JOB_DAYS ago, a part of them at each call; return how many. Their pictures stay.

    Those of scenes stay as long as the story, and trainings that made an adapter stay too: both are looked up by them.
    """
    limit = timezone.now() - timedelta(days=settings.ENV.image_job_days)
    told = Scene.objects.exclude(job=None).values("job")
    old = ImageJob.objects.filter(finished_at__lt=limit).exclude(state__in=ImageJob.LIVE).exclude(pk__in=told)
    old = old.exclude(kind=ImageJob.Kind.TRAIN, state=State.DONE)
    chosen = list(old.order_by("finished_at").values_list("pk", flat=True)[:PURGED_AT_ONCE])
    ImageJob.objects.filter(pk__in=chosen).delete()
    return len(chosen)
