"""The Celery tasks of conversations."""

import logging
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import celeryd_after_setup
from django.db import connection
from kombu.exceptions import OperationalError

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.chat import answering, pipeline, recovery, seeking
from apps.core import tenancy
from apps.core.errors import AppError
from apps.core.events import LostLog
from apps.libraries.lexical import segment
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure

log = logging.getLogger(__name__)


def ring(message_id: UUID) -> None:
    """Tell the broker of a pending answer. It is only a bell: without it `reap` rings a little later."""
    try:
        answer_message.apply_async((str(message_id),), retry=False)
    except OperationalError:
        log.warning("The broker did not take the task; it is sent again", extra={"answer": message_id})


def ring_search(token: str) -> None:
    """Tell the broker of a search that somebody waits for."""
    try:
        search_for_program.apply_async((token,), retry=False, expires=60)
    except OperationalError:
        log.warning("The broker did not take a search", extra={"search": token})


@shared_task(ignore_result=True)
def search_for_program(token: str) -> None:
    """Search for a program that waits for it (`seeking`)."""
    try:
        seeking.run(token)
    except Exception:  # the edge of the task: whatever broke, the asker is told
        log.exception("A search for a program failed", extra={"search": token})
        seeking.fail(token, "internal")


@shared_task
def answer_message(message_id: str) -> None:
    """Make a pending answer. A second delivery finds it claimed and does nothing."""
    message = answering.claim(UUID(message_id))
    if message is None:
        return
    try:
        attempt = answering.Attempt(message)
        with answering.kept(message), tenancy.acting_for(message.conversation.team_id):
            _attempt(attempt, message)
    except (answering.LostLease, LostLog):
        log.warning("Another process settled this answer", extra={"answer": message_id})


def _attempt(attempt: answering.Attempt, message: Any) -> None:
    try:
        attempt.run(pipeline.steps_of(message))
    except (answering.LostLease, LostLog):
        raise
    except AppError as error:
        attempt.fail(error.code)
    except RuntimeFailure:
        log.exception("The model failed", extra={"answer": message.pk})
        attempt.fail("model-failed")
    except Exception:  # the edge of the task: whatever broke, the asker is told
        log.exception("An answer failed", extra={"answer": message.pk})
        attempt.fail("internal")


@shared_task
def reap() -> None:
    """Settle the answers of dead workers and ring again for those that nobody heard of."""
    interrupted = recovery.interrupt_dead()
    unheard = recovery.unheard()
    for message_id in unheard:
        ring(message_id)
    if interrupted or unheard:
        log.info("Answers recovered", extra={"interrupted": interrupted, "rung_again": len(unheard)})


@celeryd_after_setup.connect
def preload(instance: Any = None, **_signal: Any) -> None:
    """Load the default models before a worker of the answer queue takes its first task.

    Loading holds the interpreter for seconds at a time, in which no lease could be renewed.
    """
    if instance is not None and "answer" in instance.app.amqp.queues.consume_from:
        _load_defaults()


def _load_defaults() -> None:
    segment("智库")  # its dictionary takes a second, which the first Chinese question would wait for
    loaders = ((AIModel.Kind.EMBEDDING, registry.embedder), (AIModel.Kind.CHAT, registry.chat_model))
    for kind, load in loaders:
        try:
            spec = spec_of(default_model(kind))
            load(spec)
            log.info("A default model is loaded", extra={"model": spec.name})
        except (NoModel, RuntimeFailure) as error:
            log.warning("A default model is not loaded", extra={"kind": kind, "reason": error})
    connection.close()


@shared_task
def purge() -> None:
    """Remove conversations whose time to be restored is over."""
    removed = recovery.purge()
    if removed:
        log.info("Conversations purged", extra={"conversations": removed})
