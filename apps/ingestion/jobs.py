"""The life of a job: queued, leased, moved on from stage to stage, settled. Every write is a compare-and-set.

A worker owns a running job while its row carries the worker's token; whoever lost the lease finds its writes without
effect. All times are the database's, so that clocks of hosts need not agree.
"""

import os
import socket
import uuid
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from apps.core.errors import AppError, Value
from apps.core.leases import renewing
from apps.core.models import JobState
from apps.ingestion import journal, pace, queueing
from apps.ingestion.errors import JobStopped, WorkerLost
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.models import Document, DocumentVersion

State = IngestionJob.State
Stage = IngestionJob.Stage
RENEWALS_PER_LEASE = 3  # two may be missed
RETRY_AFTER_S = 10
PATIENCE_S = 30  # between two tries of what waits for space, for a scanner …
LOG_MAX = 20_000  # characters of a traceback kept for operators

# One statement, since every document is claimed three times. The turn of the team is noted with it.
_CLAIM = f"""
WITH taken AS (
    UPDATE ingestion_ingestionjob SET state = 'running', lease_owner = %(owner)s,
        lease_until = statement_timestamp() + %(lease)s, error_code = '', error_params = '{{}}',
        started_at = coalesce(started_at, statement_timestamp()), updated_at = statement_timestamp(),
        events = {journal.APPENDED}
    WHERE id = %(id)s AND state = 'queued' AND stage = %(stage)s
    RETURNING id, document_id, version_id, team_id, attempts
), shown AS (
    UPDATE libraries_document d SET status = 'running', stage = %(stage)s FROM taken WHERE d.id = taken.document_id
), served AS (
    INSERT INTO ingestion_turn (team_id, stage, served_at) SELECT team_id, %(stage)s, clock_timestamp() FROM taken
    ON CONFLICT (team_id, stage) DO UPDATE SET served_at = excluded.served_at
)
SELECT id, document_id, version_id, team_id, attempts FROM taken"""  # noqa: S608  (a constant is put in)


@dataclass(frozen=True, slots=True)
class Held:
    """A job that this process owns, by the token in `owner`."""

    job_id: UUID
    document_id: UUID
    version_id: UUID
    team_id: UUID
    owner: str
    attempts: int = 0

    def rows(self) -> QuerySet[IngestionJob]:
        """Return the job's row, empty once the lease is somebody else's."""
        return IngestionJob.objects.filter(pk=self.job_id, state=State.RUNNING, lease_owner=self.owner)


def new_owner() -> str:
    """Return a token that no other claim has: host, process, random."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


@transaction.atomic
def queue(
    document: Document,
    version: DocumentVersion,
    *,
    kind: str = IngestionJob.Kind.READ,
    options: dict[str, Any] | None = None,
) -> IngestionJob | None:
    """Queue the reading of a version; None when a live job of it exists already."""
    job = IngestionJob(team_id=document.library.team_id, document=document, version=version, kind=kind)
    job.options, job.events = options or {}, [journal.event("queued", {})]
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        return None
    IngestionJob.objects.filter(document=document, state=State.FAILED).update(is_cleared=True)
    Document.objects.filter(pk=document.pk).update(
        status=Document.Status.QUEUED, stage="", progress_done=0, progress_total=0, error_code="", error_params={}
    )
    return job


def claim(job_id: UUID, stage: str, owner: str = "") -> Held | None:
    """Lease one queued job of a stage to this process; None when somebody else was quicker."""
    owner = owner or new_owner()
    started = journal.as_json("started", {"stage": stage, "host": owner.partition(":")[0]})
    values: dict[str, Any] = {"id": job_id, "stage": stage, "owner": owner, "lease": lease(), "event": started}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        taken = cursor.fetchone()
    if taken is None:
        return None
    job, document, version, team, attempts = taken
    return Held(job, document, version, team, owner, attempts)


def claim_next(stage: str) -> Held | None:
    """Lease the job whose turn it is (see `queueing`) to this process; None when nothing waits that may begin now."""
    while (job_id := _next(stage)) is not None:
        held = claim(job_id, stage)
        if held is not None:
            return held
    return None


def _next(stage: str) -> UUID | None:
    found = queueing.next_read() if stage == Stage.READ else next(iter(queueing.next_jobs(stage, 1)), None)
    return found.job_id if found else None


def due(stage: str) -> QuerySet[IngestionJob]:
    """Return the jobs that may be worked on at a stage now, oldest first; `queueing` says whose turn it is."""
    is_due = Q(due_at=None) | Q(due_at__lte=Now())
    queued = IngestionJob.objects.filter(is_due, state=State.QUEUED, stage=stage, document__library__is_paused=False)
    return queued.order_by("created_at", "pk")


def note(job: Held | IngestionJob, code: str, **params: Value) -> None:
    """Add a line to a job's log sheet; `journal.SENTENCES` has its words."""
    journal.write(job.job_id if isinstance(job, Held) else job.pk, code, **params)


def lease() -> timedelta:
    """Return how long a silent worker keeps a job."""
    return timedelta(seconds=settings.ENV.lease_s)


def renew(owner: str) -> int:
    """Prolong every lease of an owner; returns how many there were."""
    running = IngestionJob.objects.filter(state=State.RUNNING, lease_owner=owner)
    return running.update(lease_until=Now() + lease())


def kept(owner: str) -> AbstractContextManager[None]:
    """Keep the leases of an owner while the block runs; a killed process simply stops renewing them."""
    return renewing(lambda: renew(owner), lambda: settings.ENV.lease_s / RENEWALS_PER_LEASE, "ingestion-lease")


def is_wanted(held: Held) -> bool:
    """Return whether the job is still ours, nobody cancelled it, and its document still exists."""
    return (
        held.rows().filter(is_cancelled=False, document__deleted_at=None, document__library__deleted_at=None).exists()
    )


def unwanted(held: Collection[Held]) -> set[UUID]:
    """Return those of the jobs, all of one owner, that are not ours any more or that nobody wants; see `is_wanted`."""
    owners = {each.owner for each in held}
    ours = IngestionJob.objects.filter(state=State.RUNNING, lease_owner__in=owners, is_cancelled=False)
    alive = ours.filter(document__deleted_at=None, document__library__deleted_at=None)
    return {each.job_id for each in held} - set(alive.values_list("pk", flat=True))


def write_progress(held: Held, done: int, total: int) -> None:
    """Show n of m on the job and on its document."""
    if held.rows().update(done=done, total=total, updated_at=Now()):
        Document.objects.filter(pk=held.document_id).update(progress_done=done, progress_total=total)


def lock(held: Held) -> IngestionJob:
    """Return the job's row, locked until the transaction ends. Raises JobStopped when the lease is lost."""
    job = held.rows().select_for_update().first()
    if job is None:
        raise JobStopped
    return job


def pass_on(
    held: Held, stage: str, *, done: int = 0, total: int = 0, seconds: float = 0.0, units: int | None = None
) -> bool:
    """Queue the job for the workers of its next stage; returns whether it was still ours.

    `units` is how many of its chunks this stage worked on, where that is not all of them.
    """
    with transaction.atomic():
        job = held.rows().select_for_update().first()
        return job is not None and move(job, stage, done=done, total=total, seconds=seconds, units=units)


def move(
    job: IngestionJob, stage: str, *, done: int = 0, total: int = 0, seconds: float = 0.0, units: int | None = None
) -> bool:
    """Do what `pass_on` does to a locked job, and store what else was changed on it."""
    if job.is_cancelled:
        stop(job)
        return False
    if stage == job.stage:
        journal.append(job, "read-on" if stage == Stage.READ else "released", done=done, total=total)
    _count_seconds(job, seconds, total if units is None else units, is_over=stage != job.stage)
    job.state, job.stage, job.done, job.total = State.QUEUED, Stage(stage), done, total
    job.lease_owner, job.lease_until = "", None
    job.save()
    Document.objects.filter(pk=job.document_id).update(stage=stage, progress_done=done, progress_total=total)
    return True


def finish(job: IngestionJob, *, seconds: float = 0.0) -> None:
    """Settle a locked job as done and its document as ready; call it in the transaction that stored the version."""
    _count_seconds(job, seconds, job.total, is_over=True)
    journal.append(job, "done")
    _settle(job, State.DONE)
    _document_of(job).update(
        status=Document.Status.READY, stage="", progress_done=0, progress_total=0, error_code="", error_params={}
    )


def fail(held: Held, error: AppError, log: str = "") -> None:
    """Settle the job as failed with the error's code and parameters, and a log for operators."""
    with transaction.atomic():
        job = held.rows().select_for_update().first()
        if job is not None:
            _fail(job, error.code, dict(error.params), log)


def give_back(held: Held, error: AppError, log: str = "") -> None:
    """Queue the job again for a passing failure, or fail it with that error after KB_INGEST_ATTEMPTS of them."""
    with transaction.atomic():
        job = held.rows().select_for_update().first()
        if job is None:
            return
        job.attempts += 1
        if job.attempts >= settings.ENV.ingest_attempts:
            _fail(job, error.code, dict(error.params), log)
            return
        _wait(job, RETRY_AFTER_S * job.attempts, error, log)
        journal.append(job, "given-back", **{**error.params, "attempts": job.attempts, "error": error.code})
        job.save()


def postpone(held: Held, error: AppError, log: str = "") -> None:
    """Queue the job again for what an admin or time will settle; it is no failed try, however long it takes."""
    with transaction.atomic():
        job = held.rows().select_for_update().first()
        if job is None:
            return
        _wait(job, PATIENCE_S, error, log)
        if not job.events or job.events[-1]["code"] != "postponed":
            journal.append(job, "postponed", **{**error.params, "error": error.code})
        job.save()


def release(held: Held) -> bool:
    """Queue a job of ours again as it is, with what it has: the worker stops, or lost its database for a moment."""
    with transaction.atomic():
        job = held.rows().select_for_update().first()
        if job is None:
            return False
        job.state, job.lease_owner, job.lease_until = State.QUEUED, "", None
        journal.append(job, "released")
        job.save()
    return True


def _wait(job: IngestionJob, seconds: float, error: AppError, log: str) -> None:
    """Make a locked job wait; the reason is shown meanwhile."""
    job.state, job.lease_owner, job.lease_until = State.QUEUED, "", None
    job.due_at = timezone.now() + timedelta(seconds=seconds)
    job.error_code, job.error_params = error.code, dict(error.params)
    job.error_log = log[-LOG_MAX:].replace("\x00", "")
    Document.objects.filter(pk=job.document_id).update(status=Document.Status.QUEUED)


def cancel(job: IngestionJob) -> None:
    """Stop a job: a queued one at once, a running one by its worker within about a second."""
    with transaction.atomic():
        row = IngestionJob.objects.select_for_update().filter(pk=job.pk, state__in=IngestionJob.LIVE).first()
        if row is None:
            return
        if row.state == State.QUEUED:
            stop(row)
        else:
            row.is_cancelled = True
            journal.append(row, "asked-to-stop")
            row.save(update_fields=["is_cancelled", "events"])


def drop(held: Held) -> None:
    """Settle a job of ours that is not wanted any more; does nothing when the lease is lost."""
    with transaction.atomic():
        job = held.rows().select_for_update().first()
        if job is not None:
            stop(job)


def stop(job: IngestionJob) -> None:
    """Settle a locked job as cancelled. A deleted document keeps its status, so that a restored one is read again.

    A document that was only to be cut or read in part anew is as ready as before.
    """
    journal.append(job, "cancelled")
    _settle(job, State.CANCELLED)
    status = Document.Status.CANCELLED if job.kind == IngestionJob.Kind.READ else Document.Status.READY
    _document_of(job).filter(deleted_at=None).update(status=status, stage="")


def take_back_expired() -> int:
    """Queue again what dead workers held, or fail it after KB_INGEST_ATTEMPTS of them; returns how many there were."""
    expired = IngestionJob.objects.filter(Q(lease_until__lt=Now()) | Q(lease_until=None), state=State.RUNNING)
    with transaction.atomic():
        jobs = list(expired.select_for_update(skip_locked=True).order_by("pk"))
        for job in jobs:
            _take_back(job)
    return len(jobs)


def _take_back(job: IngestionJob) -> None:
    job.attempts += 1
    if job.is_cancelled:
        stop(job)
    elif job.attempts >= settings.ENV.ingest_attempts:
        _fail(job, WorkerLost.code, {"attempts": job.attempts}, f"last owner {job.lease_owner}, stage {job.stage}")
    else:
        job.state, job.lease_owner, job.lease_until = State.QUEUED, "", None
        journal.append(job, "worker-lost", attempts=job.attempts, stage=job.stage)
        job.save()


def _fail(job: IngestionJob, code: str, params: dict[str, Value], log: str) -> None:
    job.error_code, job.error_params, job.error_log = code, params, log[-LOG_MAX:].replace("\x00", "")
    journal.append(job, "failed", **{**params, "error": code})
    _settle(job, State.FAILED)
    _document_of(job).update(status=Document.Status.FAILED, stage="", error_code=code, error_params=params)


def _document_of(job: IngestionJob) -> QuerySet[Document]:
    """Return the document of a settled job; empty while another job of it lives, whose state it shows."""
    others = IngestionJob.objects.filter(document=OuterRef("pk"), state__in=IngestionJob.LIVE).exclude(pk=job.pk)
    return Document.objects.filter(~Exists(others), pk=job.document_id)


def _settle(job: IngestionJob, state: JobState) -> None:
    job.state, job.lease_owner, job.lease_until = state, "", None
    job.finished_at = Now()
    job.save()
    StagedChunk.objects.filter(job=job).delete()


def _count_seconds(job: IngestionJob, seconds: float, total: int, *, is_over: bool) -> None:
    """Add the time that a locked job took to its stage, and to the pace by which others are estimated."""
    stage = job.stage
    job.seconds[stage] = round(job.seconds.get(stage, 0) + seconds, 2)
    if not is_over:
        return
    journal.append(job, "finished-stage", stage=stage, seconds=job.seconds[stage])
    if stage == Stage.READ and job.kind == IngestionJob.Kind.READ:
        size, suffix = job.version.size_bytes, pace.suffix_of(job.document.name)
        read = pace.Measured("read", size, job.seconds[stage], suffix)
        pace.record_all(job.team_id, [read, pace.Measured("size", size, total, suffix)])
    elif stage == Stage.EMBED:
        pace.record(job.team_id, "embed", units=total, cost=job.seconds[stage])
    elif stage == Stage.INDEX:
        pace.record(job.team_id, "index", units=total, cost=job.seconds[stage])
