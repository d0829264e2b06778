"""What workers do for evaluation. The rows hold the work; a lost bell costs some seconds."""

import logging
import threading
import time
from uuid import UUID

from celery import shared_task

from apps.core.errors import AppError
from apps.evaluation import drafting, nightly, picking, running, runs, set_services, testing, wording
from apps.evaluation.errors import SearchFailed, SearchModelFailed
from apps.evaluation.runs import Held, LostRun
from apps.evaluation.set_errors import DraftingFailed
from apps.ingestion.stopping import is_stopping
from apps.ingestion.tasks import ring
from apps.libraries.services import restorable_since
from apps.runtimes.contracts import RuntimeFailure

logger = logging.getLogger(__name__)
SHIFT_S = 20.0  # of runs and drafting: then the task rings for a successor, behind what people ask meanwhile
_working = threading.Lock()  # one run at a time in a worker, however many threads it has


@shared_task(ignore_result=True)
def run_search_test(token: str) -> None:
    """Search for somebody who waits for it (`testing`)."""
    try:
        testing.run(token)
    except Exception:  # the edge of the task: whatever broke, the asker is told
        logger.exception("a search test failed", extra={"test": token})
        testing.fail(token)


@shared_task(ignore_result=True)
def work_runs() -> None:
    """Go on with the runs of question sets that wait, for one shift."""
    if not _working.acquire(blocking=False):
        return  # the poller rings again where the one at work does not
    try:
        is_more = _work(time.monotonic() + SHIFT_S)
    finally:
        _working.release()
    if is_more:
        ring(work_runs)


def _work(until: float) -> bool:
    """Return whether something waits still."""
    while time.monotonic() < until and not is_stopping():
        held = runs.claim()
        if held is None:
            return False
        _attempt(held, until)
    return runs.due().exists()


def _attempt(held: Held, until: float) -> None:
    try:
        running.work(held, until=until, is_stopping=is_stopping)
    except LostRun:
        logger.info("a run was stopped or taken over", extra={"run": str(held.run_id)})
    except AppError as error:
        runs.fail(held, error.code)
    except RuntimeFailure:
        logger.exception("a model failed in a run", extra={"run": str(held.run_id)})
        runs.fail(held, SearchModelFailed.code)
    except Exception:
        logger.exception("a run failed", extra={"run": str(held.run_id)})
        runs.fail(held)


@shared_task(ignore_result=True, time_limit=60)
def poll_runs() -> None:
    """Ring again where a bell was lost or a worker died."""
    if runs.due().exists():
        ring(work_runs)


@shared_task(ignore_result=True, time_limit=300)
def start_nightly() -> None:
    """Queue tonight's runs, and remove what was deleted long ago."""
    set_services.purge(restorable_since())
    if nightly.start_due():
        ring(work_runs)


@shared_task(ignore_result=True)
def draft_questions(set_id: str) -> None:
    """Draft questions for somebody who waits for them, for one shift."""
    try:
        is_more = drafting.work(set_id, until=time.monotonic() + SHIFT_S, is_stopping=is_stopping)
    except AppError as error:
        drafting.fail(set_id, error.code)
    except RuntimeFailure:
        logger.exception("the model failed while it drafted", extra={"set": set_id})
        drafting.fail(set_id, SearchModelFailed.code)
    except Exception:
        logger.exception("drafting failed", extra={"set": set_id})
        drafting.fail(set_id, DraftingFailed.code)
    else:
        if is_more:
            ring(draft_questions, set_id)


@shared_task(ignore_result=True)
def find_passages(token: str) -> None:
    """Search passages for somebody who picks them for a question."""
    try:
        picking.run(token)
    except AppError as error:
        picking.fail(token, error.code)
    except RuntimeFailure:
        logger.exception("the model failed while passages were picked", extra={"picking": token})
        picking.fail(token, SearchModelFailed.code)
    except Exception:
        logger.exception("picking passages failed", extra={"picking": token})
        picking.fail(token, SearchFailed.code)


@shared_task(ignore_result=True, time_limit=600)
def compare_words(library_id: str, token: str) -> None:
    """Compare the search of a library with and without its draft of words, for an editor who waits for it."""
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
    except Exception:
        logger.exception("a comparison of words failed", extra={"library": library_id})
        wording.fail(library, token, SearchFailed.code)
