"""What workers are rung for. The jobs lie in PostgreSQL; a bell that is lost costs ten seconds."""

import logging
import threading
import time
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from kombu.exceptions import OperationalError as BrokerError

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.images import gallery, jobs, stories_work, training_files, work
from apps.metering import services as metering
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure

logger = logging.getLogger(__name__)
_working = threading.Lock()
_again = threading.Event()
_stopping = threading.Event()


def ring_on_commit() -> None:
    """Ring for a job once it is committed."""
    transaction.on_commit(ring)


def ring() -> None:
    """Tell the broker that something waits."""
    try:
        draw_pictures.apply_async(retry=False)
    except BrokerError:
        logger.warning("the broker did not take the task; it is sent again")


@shared_task(ignore_result=True)
def draw_pictures() -> None:
    """Draw until no job waits: one picture at a time per process, each the one whose turn it is."""
    _again.set()
    while _again.is_set():
        if not _working.acquire(blocking=False):
            return  # whoever draws looks once more before it goes
        try:
            _again.clear()
            while not _stopping.is_set() and _work_one():
                pass
        finally:
            _working.release()


def _work_one() -> bool:
    held = jobs.claim()
    if held is None:
        return False
    try:
        work.work_on(held)
    except (OperationalError, InterfaceError):  # the database went away: the job is taken back when its lease ends
        logger.exception("a picture was broken off", extra={"job": held.job.pk})
        connection.close()
        return False
    except Exception:  # the edge of the task: whatever broke, its owner is told
        logger.exception("a picture could not be drawn", extra={"job": held.job.pk})
        work.give_up(held)
    return True


@worker_ready.connect
def prepare(sender: Any = None, **_signal: object) -> None:
    """Import the libraries that draw as soon as a worker of the image queue is up, so that no picture waits for them.

    In the background: answers have begun meanwhile. Nothing is lost where it fails; the first picture imports them.
    """
    if sender is not None and "image" in sender.app.amqp.queues.consume_from:
        threading.Thread(target=_prepare, name="image-libraries", daemon=True).start()


def _prepare() -> None:
    began = time.monotonic()
    try:
        registry.prepare_image_model(spec_of(default_model(AIModel.Kind.IMAGE)))
        logger.info("the image libraries are imported", extra={"seconds": round(time.monotonic() - began, 1)})
    except (NoModel, RuntimeFailure, ImportError, DatabaseError) as error:
        logger.info("the image libraries are imported later: %s", error)
    finally:
        connection.close()


@worker_shutting_down.connect
def stop_between_pictures(**_signal: object) -> None:
    """Begin no other picture when the worker is asked to end; what waits is drawn by the next one."""
    _stopping.set()


@shared_task(ignore_result=True)
def poll() -> None:
    """Take back what dead workers held, keep held quota alive, and ring for what nobody heard of."""
    lost = jobs.take_back_expired()
    if lost:
        logger.warning("jobs of dead workers were taken back", extra={"jobs": lost})
    metering.prolong(jobs.live_reservations())
    if jobs.has_waiting():
        ring()


@shared_task(ignore_result=True)
def purge() -> None:
    """Remove pictures for good whose time to be restored is over, and files that no picture owns."""
    removed = gallery.purge()
    training_files.purge()
    stories_work.purge()
    jobs.purge()
    if removed:
        logger.info("pictures purged", extra={"pictures": removed})
