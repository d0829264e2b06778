"""What the poller repairs: leases of dead workers, documents without a job, bells that nobody heard."""

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from apps.ingestion import jobs
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Document

SILENT_S = 5  # a job queued for longer may have lost its bell
MAX_BELLS = 8  # each rings up one worker that goes on until nothing waits
STRANDED_AT_ONCE = 500


def rescue() -> None:
    """Repair all that can be seen to be wrong; safe to run anywhere, any time."""
    jobs.take_back_expired()
    _queue_stranded()


def bells(stage: str) -> int:
    """Return how many workers to ring for a stage: 0 unless jobs have been waiting for some seconds."""
    waiting = jobs.due(stage).filter(updated_at__lt=Now() - timedelta(seconds=SILENT_S))
    return min(MAX_BELLS, waiting[:MAX_BELLS].count())


def _queue_stranded() -> None:
    """Queue unsettled documents that have no live job: restored ones whose reading their deletion had stopped."""
    live = IngestionJob.objects.filter(document=OuterRef("pk"), state__in=IngestionJob.LIVE)
    unsettled = Document.objects.filter(
        ~Exists(live),
        deleted_at=None,
        library__deleted_at=None,
        status__in=(Document.Status.QUEUED, Document.Status.RUNNING),
    )
    for document in unsettled.select_related("library")[:STRANDED_AT_ONCE]:
        version = document.versions.order_by("-number").first()
        if version is not None:
            jobs.queue(document, version)
