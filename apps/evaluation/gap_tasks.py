"""What workers do for gaps."""

import logging
from uuid import UUID

from celery import shared_task

from apps.catalog.errors import NoModel
from apps.evaluation import gap_work, gaps
from apps.ingestion.tasks import ring
from apps.runtimes.contracts import RuntimeFailure

logger = logging.getLogger(__name__)


def ring_rerun(gap_id: UUID) -> None:
    """Have a worker ask a gap's questions again; what the broker loses is rung again by `collect_gaps`."""
    ring(rerun_gap, str(gap_id))


@shared_task(ignore_result=True)
def rerun_gap(gap_id: str) -> None:
    """Ask the questions of a gap again."""
    try:
        gap_work.rerun(UUID(gap_id))
    except (NoModel, RuntimeFailure):
        logger.exception("the questions of a gap could not be asked again", extra={"gap": gap_id})


@shared_task(ignore_result=True, time_limit=600)
def collect_gaps() -> None:
    """Gather the questions that were not answered well, and go on with reruns whose worker died."""
    for gap_id in gap_work.silent_reruns():
        ring_rerun(gap_id)
    try:
        collected = gaps.collect()
    except NoModel:
        return  # nothing was searched either
    if collected:
        logger.info("Questions gathered into gaps", extra={"questions": collected})
