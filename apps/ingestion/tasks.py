"""What workers are rung for. PostgreSQL holds the work; a task's arguments are hints, its loss costs ten seconds."""

import errno
import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from apps.core import tenancy
from apps.core.crash import reach
from apps.core.errors import AppError
from apps.ingestion import jobs, previewing, refresh, rescue, switching, temp, warming  # noqa: F401 -- warming hears the worker start
from apps.ingestion.embedding import Runner
from apps.ingestion.errors import JobStopped, ReadFailed
from apps.ingestion.indexing import index
from apps.ingestion.jobs import Held, Stage
from apps.ingestion.parse_errors import NoRoom, ParseCancelled
from apps.ingestion.reading import read
from apps.ingestion.stopping import is_stopping

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """What a worker does with the jobs of a stage; `then` follows each that ended well."""

    stage: Stage
    work: Callable[[Held], None]
    then: Callable[[], None] = lambda: None


SHIFT_S = 20  # a task goes on with the next job for so long, then rings for a successor
EMBED_SHIFT_S = 600
TIME_LIMIT_S = SHIFT_S + settings.ENV.parse_wall_s + 600  # the last job of a shift: parse, split, stage
UNAVAILABLE = 503  # the status of failures that pass: a model that is not installed yet
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_embedding = threading.Lock()
_refreshing = threading.Lock()
_rung_again = threading.Event()
_changed_again = threading.Event()


@shared_task(ignore_result=True, time_limit=TIME_LIMIT_S)
def read_document(job_id: str = "") -> None:
    """Read queued documents until none waits; the one that rang need not be the first.

    After each one a document is indexed, if any waits for that: a thousand bells of uploads are in the broker's queue
    before the bell of an index, and would keep the first document from being ready until the last one is read.
    """
    steps = (Step(Stage.INDEX, index), Step(Stage.READ, read, then=_ring_embedder))
    _work(steps, again=lambda: ring(read_document, job_id))


def _ring_embedder() -> None:
    reach("before-embed-bell")
    ring(embed_pending)


@shared_task(ignore_result=True, time_limit=TIME_LIMIT_S)
def index_document(job_id: str = "") -> None:
    """Index documents whose vectors are complete until none waits."""
    _work((Step(Stage.INDEX, index),), again=lambda: ring(index_document, job_id))


@shared_task(ignore_result=True)
def embed_pending() -> None:
    """Embed staged chunks until none waits. One runner per process: the model is the bottleneck, not the loop."""
    _rung_again.set()
    while _rung_again.is_set():
        if not _embedding.acquire(blocking=False):
            return  # the runner looks once more before it goes
        try:
            _rung_again.clear()
            runner = Runner(lambda job_id: ring(index_document, str(job_id)), is_stopping=is_stopping)
            if runner.run(EMBED_SHIFT_S):
                ring(embed_pending)
        finally:
            _embedding.release()


@shared_task(ignore_result=True)
def embed_changed() -> None:
    """Make vectors and terms of passages that people changed; a second ring lets the first runner look once more."""
    _changed_again.set()
    while _changed_again.is_set():
        if not _refreshing.acquire(blocking=False):
            return
        try:
            _changed_again.clear()
            refresh.embed_changed(is_stopping)
        finally:
            _refreshing.release()


@shared_task(ignore_result=True)
def switch_model() -> None:
    """Go on with the change of the embedding model; a second bell finds its lease taken."""
    if switching.carry_on(is_stopping):
        ring(embed_pending)  # what was staged for the old model


@shared_task(ignore_result=True)
def clean_vectors() -> None:
    """Delete the vectors that changes of the embedding model left behind."""
    switching.clean()


@shared_task(ignore_result=True, time_limit=TIME_LIMIT_S)
def preview_chunks(token: str) -> None:
    """Cut a sample for somebody who waits for it (`previewing`)."""
    try:
        previewing.run(token)
    except Exception:
        logger.exception("a preview failed", extra={"preview": token})
        previewing.fail(token, ReadFailed())


@shared_task(ignore_result=True, time_limit=60)
def poll() -> None:
    """Take back what dead workers held and ring again for everything that waits."""
    rescue.rescue()
    for stage, task in ((Stage.READ, read_document), (Stage.INDEX, index_document)):
        for _ in range(rescue.bells(stage)):
            ring(task)
    if rescue.bells(Stage.EMBED):
        ring(embed_pending)
    if refresh.pending().exists():
        ring(embed_changed)
    if switching.is_unattended():
        ring(switch_model)


@shared_task(ignore_result=True, time_limit=300)
def sweep() -> None:
    """Remove what killed processes left in the temporary directory."""
    temp.sweep()


def ring(task: Task[Any, Any], *arguments: str) -> None:
    """Send a task without waiting for a broken broker: the poller rings again."""
    try:
        task.apply_async(arguments, retry=False)
    except (BrokerError, RedisError, OSError):
        logger.warning("the broker did not take a task", extra={"task": task.name})


def attempt(held: Held, step: Callable[[Held], None]) -> bool:
    """Carry out one step of a held job and record how it ended; returns whether it ended well.

    When the database itself fails, the job is given back as soon as it answers again; if it does not, the error is
    raised and the lease will expire.
    """
    try:
        with tenancy.acting_for(held.team_id):
            step(held)
    except (JobStopped, ParseCancelled):
        (jobs.release if is_stopping() else jobs.drop)(held)
    except AppError as error:
        _settle(held, error, "".join(traceback.format_exception(error)))
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise  # not an outage: a try that counts, once the lease has expired
        connection.close()
        jobs.release(held)
    except Exception as error:
        _settle_unexpected(held, error)
    else:
        return True
    return False


def _settle_unexpected(held: Held, error: Exception) -> None:
    """Record a failure that nobody expected; a full disk passes."""
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        jobs.postpone(held, NoRoom(), traceback.format_exc())
    else:
        logger.error("ingestion failed", exc_info=error, extra={"job": held.job_id})
        jobs.fail(held, ReadFailed(), traceback.format_exc())


def _settle(held: Held, error: AppError, log: str) -> None:
    """Record an expected failure: wait for what passes, try again what may pass, else fail."""
    if getattr(error, "is_patient", False):
        jobs.postpone(held, error, log)
    elif getattr(error, "is_retryable", error.status == UNAVAILABLE):
        jobs.give_back(held, error, log)
    else:
        jobs.fail(held, error, log)


def _work(steps: Sequence[Step], *, again: Callable[[], None]) -> None:
    """Take the steps in turn until nothing waits for any of them, or the shift is over."""
    until = time.monotonic() + SHIFT_S
    while time.monotonic() < until and not is_stopping():
        if not sum(_take(step) for step in steps):
            return
    again()


def _take(step: Step) -> bool:
    """Carry out one job of a step; returns whether there was one."""
    held = jobs.claim_next(step.stage)
    if held is None:
        return False
    reach("after-claim")
    if attempt(held, step.work):
        step.then()
    return True
