"""What workers are rung for. The jobs lie in PostgreSQL; a bell that is lost costs ten seconds."""

import logging
import threading
from typing import Any

from celery import Task, shared_task
from celery.signals import celeryd_after_setup
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError

from apps.catalog import jobs, work
from apps.catalog.models import ModelJob
from apps.catalog.presence import Reporter

logger = logging.getLogger(__name__)
_working = {lane: threading.Lock() for lane in work.LANES}
_again = {lane: threading.Event() for lane in work.LANES}


def ring_for(job: ModelJob) -> None:
    """Ring for a job once it is committed."""
    lane = "fetch" if job.kind == ModelJob.Kind.FETCH else "run"
    transaction.on_commit(lambda: _ring(lane))


def _ring(lane: str) -> None:
    task: Task[Any, None] = fetch_models if lane == "fetch" else run_models
    try:
        task.apply_async(retry=False)
    except BrokerError:
        logger.warning("the broker did not take the task; it is sent again")


@shared_task(ignore_result=True)
def run_models() -> None:
    """Import, test, measure, load and unload models until no job waits; one at a time per process."""
    _work("run")


@shared_task(ignore_result=True)
def fetch_models() -> None:
    """Download models until no job waits; one at a time per process."""
    _work("fetch")


def _work(lane: str) -> None:
    _again[lane].set()
    while _again[lane].is_set():
        if not _working[lane].acquire(blocking=False):
            return  # whoever works looks once more before it goes
        try:
            _again[lane].clear()
            while work.work_one(lane):
                pass
        finally:
            _working[lane].release()


@shared_task(ignore_result=True)
def poll() -> None:
    """Ring again for jobs that nobody heard of or whose worker died."""
    kinds = jobs.waiting_kinds()
    for lane, its in work.LANES.items():
        if kinds & set(its):
            _ring(lane)


@celeryd_after_setup.connect
def report_models(instance: Any = None, **_signal: Any) -> None:
    """Tell what the worker that holds the models has loaded, as long as it lives."""
    if instance is not None and "answer" in instance.app.amqp.queues.consume_from:
        Reporter().start()
