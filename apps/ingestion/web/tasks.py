"""What workers are rung for to visit web sources. The rows hold the work; a lost bell costs a minute."""

import logging
import time
from uuid import UUID

from celery import shared_task

from apps.ingestion.tasks import ring
from apps.ingestion.web import crawl, robots

logger = logging.getLogger(__name__)
SHIFT_S = 15  # then other work of this worker has its turn
TIME_LIMIT_S = SHIFT_S + 2 * crawl.LEASE_S


@shared_task(ignore_result=True, time_limit=TIME_LIMIT_S)
def visit_source(source_id: str) -> None:
    """Visit pages of a source for a while, at the pace that its site asks for, then ring for the rest."""
    held = crawl.claim(UUID(source_id))
    if held is None:
        return
    try:
        if _shift(held):
            ring(visit_source, source_id)
    except crawl.Lost:
        logger.info("the lease of a web source was lost", extra={"source": source_id})


@shared_task(ignore_result=True, time_limit=60)
def poll_sources() -> None:
    """Begin the visits that are due, and ring for every source that waits."""
    for source_id in crawl.wake():
        ring(visit_source, str(source_id))


def _shift(held: crawl.Held) -> bool:
    """Visit until the shift ends; returns whether pages are left. Raises crawl.Lost."""
    until = time.monotonic() + SHIFT_S
    while time.monotonic() < until:
        if not crawl.is_wanted(held):
            crawl.stop(held)
            return False
        page = crawl.visit_next(held)
        if page is None:
            crawl.finish(held)
            return False
        time.sleep(robots.rules_of(page.url).delay_s)
    return crawl.release(held)
