"""What a worker does for the words of libraries: to compare a draft with what is applied."""

import logging
from uuid import UUID

from celery import shared_task

from apps.core.errors import AppError
from apps.evaluation import wording
from apps.evaluation.errors import SearchFailed, SearchModelFailed
from apps.runtimes.contracts import RuntimeFailure

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True, time_limit=600)
def compare_words(library_id: str, token: str) -> None:
    """Compare the search of a library with and without its draft of words."""
    library = UUID(library_id)
    try:
        wording.compare(library, token)
    except wording.Cancelled:
        logger.info("a comparison of words is not wanted any more", extra={"library": library_id})
    except AppError as error:
        wording.fail(library, token, error.code)
    except RuntimeFailure:
        logger.exception("a model failed in a comparison of words", extra={"library": library_id})
        wording.fail(library, token, SearchModelFailed.code)
    except Exception:  # the edge of the task: whatever broke, the editor is told
        logger.exception("a comparison of words failed", extra={"library": library_id})
        wording.fail(library, token, SearchFailed.code)
