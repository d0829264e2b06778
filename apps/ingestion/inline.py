"""Ingestion without workers: commands carry out the same steps in their own process.

Running workers may take some of the jobs; then this waits for them, and takes over what they leave behind.
"""

import time
from collections.abc import Callable, Collection
from uuid import UUID

from apps.ingestion import jobs
from apps.ingestion.embedding import Runner
from apps.ingestion.indexing import index
from apps.ingestion.jobs import Held, Stage
from apps.ingestion.models import IngestionJob
from apps.ingestion.reading import read
from apps.ingestion.tasks import attempt

WAIT_S = 0.2
FOREVER_S = 7 * 24 * 3600.0


def run_jobs(job_ids: Collection[UUID], *, on_progress: Callable[[int, int], None] | None = None) -> list[IngestionJob]:
    """Settle the jobs and return their rows in no order; `on_progress(settled, all)` hears after each round."""
    wanted = frozenset(job_ids)
    while True:
        worked = _step(wanted, Stage.READ, read)
        Runner(lambda _job_id: None, only=wanted).run(FOREVER_S)
        worked += _step(wanted, Stage.INDEX, index)
        live = IngestionJob.objects.filter(pk__in=wanted, state__in=IngestionJob.LIVE).count()
        if on_progress is not None:
            on_progress(len(wanted) - live, len(wanted))
        if not live:
            return list(IngestionJob.objects.select_related("document").filter(pk__in=wanted))
        if not worked:
            jobs.take_back_expired()
            time.sleep(WAIT_S)


def _step(wanted: Collection[UUID], stage: str, step: Callable[[Held], None]) -> int:
    """Carry out a stage for those of the jobs that wait for it; returns how many there were."""
    waiting = list(jobs.due(stage).filter(pk__in=wanted).values_list("pk", flat=True))
    for job_id in waiting:
        held = jobs.claim(job_id, stage)
        if held is not None:
            attempt(held, step)
    return len(waiting)
