"""What people do with jobs: pause a library, try failures again, take note of them. Each leaves an audit event."""

from functools import partial

from django.db import transaction

from apps.audit import services as audit
from apps.core.errors import AppError
from apps.ingestion import services
from apps.ingestion.models import IngestionJob
from apps.ingestion.tasks import embed_pending, index_document, read_document, ring
from apps.libraries.models import Document, Level, Library
from apps.users.models import Team, User

RETRY_AT_ONCE = 1_000
State = IngestionJob.State


@transaction.atomic
def pause(*, user: User, library: Library) -> None:
    """Let the queued jobs of a library wait; what a worker is at goes on to the end of its step."""
    if Library.objects.filter(pk=library.pk, is_paused=False).update(is_paused=True):
        audit.record("library.paused", actor=user, team=library.team, target=library)


@transaction.atomic
def resume(*, user: User, library: Library) -> None:
    """Let the jobs of a library go on."""
    if not Library.objects.filter(pk=library.pk, is_paused=True).update(is_paused=False):
        return
    audit.record("library.resumed", actor=user, team=library.team, target=library)
    for task in (read_document, embed_pending, index_document):
        transaction.on_commit(partial(ring, task))


def retry_failed(*, user: User, library: Library) -> int:
    """Read a library's failed documents that the person may change again, at most a thousand; returns how many."""
    writable = Document.objects.allowing(user, Level.WRITE)
    failed = writable.filter(library=library, deleted_at=None, status=Document.Status.FAILED)
    count = 0
    for document in failed.select_related("library__team").order_by("created_at")[:RETRY_AT_ONCE]:
        try:
            services.retry(user=user, document=document)
        except AppError:  # somebody else was quicker, or deleted it
            continue
        count += 1
    return count


@transaction.atomic
def clear_failed(*, user: User, team: Team, library: Library | None = None) -> int:
    """Take note of a team's failures, so that the bell forgets them; the documents stay as they are."""
    failed = IngestionJob.objects.filter(
        team=team, state=State.FAILED, is_cleared=False, document__in=Document.objects.readable_by(user)
    )
    if library is not None:
        failed = failed.filter(document__library=library)
    count = failed.update(is_cleared=True)
    if count:
        audit.record("jobs.cleared", actor=user, team=team, target=library or team, detail={"count": count})
    return count
