"""Reading documents again on request: a selection from a list, or one whose name (and so its indexed title) changed."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.audit import services as audit
from apps.ingestion import jobs, journal
from apps.ingestion.models import IngestionJob
from apps.ingestion.tasks import read_document, ring
from apps.libraries.documents import rename_document
from apps.libraries.models import Document, DocumentVersion, Library
from apps.libraries.reading import title_of
from apps.users.models import User

BATCH = 500
BELLS = 4


def read_again(*, user: User, library: Library, documents: QuerySet[Document]) -> int:
    """Queue the reading of the last version of each settled document; the others are being read. Returns how many."""
    ids = list(documents.filter(status__in=Document.SETTLED).values_list("pk", flat=True))
    queued = 0
    for first in range(0, len(ids), BATCH):
        queued += _queue(library, ids[first : first + BATCH])
    if queued:
        detail = {"documents": queued}
        audit.record("documents.reread", actor=user, team=library.team, target=library, detail=detail)
        for _bell in range(min(BELLS, queued)):
            ring(read_document)
    return queued


@transaction.atomic
def _queue(library: Library, ids: list[UUID]) -> int:
    settled = Document.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
    locked = list(settled.filter(pk__in=ids, status__in=Document.SETTLED, deleted_at=None).values_list("pk", flat=True))
    versions = DocumentVersion.objects.filter(document__in=locked).only("document_id")
    rows = [
        IngestionJob(
            team_id=library.team_id,
            document_id=version.document_id,
            version=version,
            events=[journal.event("queued", {})],
        )
        for version in versions.order_by("document_id", "-number").distinct("document_id")
    ]
    IngestionJob.objects.bulk_create(rows)
    Document.objects.filter(pk__in=locked).update(
        status=Document.Status.QUEUED, stage="", progress_done=0, progress_total=0, error_code="", error_params={}
    )
    return len(rows)


@transaction.atomic
def rename(*, user: User, document: Document, name: str) -> bool:
    """Give a document another name; returns whether it changed. Raises DocumentNameMissing.

    Passages are indexed under their document's title: where that changes, they are indexed anew in the background.
    """
    before = title_of(document.name)
    if not rename_document(user=user, document=document, name=name):
        return False
    version = document.current_version
    is_ready = document.status == Document.Status.READY and version is not None and version.blocks
    if version is not None and is_ready and title_of(document.name) != before:
        job = jobs.queue(document, version, kind=IngestionJob.Kind.CHUNK)
        if job is not None:
            transaction.on_commit(partial(ring, read_document, str(job.pk)))
    return True
