"""Regular work on libraries."""

import logging
import time
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.libraries import asked, curated, validity, word_changes
from apps.libraries import purge as purging
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure

logger = logging.getLogger(__name__)
WORDS_SHIFT_S = 15.0  # a task applies words for so long, then rings for a successor: other work comes between


@shared_task(ignore_result=True, time_limit=3_000)
def purge() -> None:
    """Remove for good what was deleted long enough ago."""
    purging.purge()
    curated.purge()
    asked.purge()


@shared_task(ignore_result=True, time_limit=600)
def remind() -> None:
    """Tell owners of documents that expire soon."""
    validity.remind()


def ring_embedder() -> None:
    """Ask for the vectors of new wordings; where the broker is away, the poller asks again."""
    try:
        embed_questions.apply_async(retry=False)
    except OperationalError:
        logger.warning("The broker did not take the task; it is sent again", extra={"task": "embed_questions"})


@shared_task(ignore_result=True, time_limit=60)
def poll_questions() -> None:
    """Ring where wordings or questions wait for their vectors."""
    try:
        model = default_model(AIModel.Kind.EMBEDDING)
    except NoModel:
        return
    if curated.waiting(model, 1) or asked.waiting(model).exists():
        ring_embedder()


@shared_task(ignore_result=True)
def embed_questions() -> None:
    """Make the vectors of curated answers' wordings, then those of asked questions, which nobody waits for."""
    try:
        model = default_model(AIModel.Kind.EMBEDDING)
        embed = registry.embedder(spec_of(model)).embed_queries
        while curated.embed_waiting(model, embed) or asked.embed_waiting(model, embed):
            pass
    except (NoModel, RuntimeFailure) as error:
        logger.warning("Questions are embedded later", extra={"reason": str(error)})


def ring_words(library_id: UUID) -> None:
    """Ask for a library's words to be applied; where the broker is away, the poller asks again."""
    try:
        apply_words.apply_async((str(library_id),), retry=False)
    except OperationalError:
        logger.warning("The broker did not take the task; it is sent again", extra={"task": "apply_words"})


@shared_task(ignore_result=True, time_limit=900)
def apply_words(library_id: str) -> None:
    """Index passages by the words that a library's editors apply."""
    if word_changes.work(UUID(library_id), until=time.monotonic() + WORDS_SHIFT_S):
        ring_words(UUID(library_id))


@shared_task(ignore_result=True, time_limit=60)
def poll_words() -> None:
    """Ring where a bell was lost or a worker died."""
    for library_id in word_changes.waiting():
        ring_words(library_id)
