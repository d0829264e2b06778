"""Deleting, restoring and removing for good. What was deleted together (a file and its parts) comes back together.

A deleted document disappears from lists, search and answers at once; KB_UNDO_DAYS later the purge removes it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.audit import services as audit
from apps.libraries.errors import NotRestorable, TypedNameDiffers
from apps.libraries.models import Document, Level, Library
from apps.libraries.purge import remove_deleted
from apps.users.models import User

_FAMILY = """
WITH RECURSIVE family AS (
    SELECT id FROM libraries_document WHERE id = ANY(%s)
    UNION SELECT d.id FROM libraries_document d JOIN family f ON d.parent_id = f.id
)
SELECT id FROM family
"""


def delete_document(*, user: User, document: Document) -> None:
    """Hide the document and its parts from lists and search at once; they can be restored until the purge."""
    with transaction.atomic():
        if _hide([document.pk]):
            _record("document.deleted", user, document)


def delete_documents(*, user: User, library: Library, documents: QuerySet[Document]) -> int:
    """Hide many documents with their parts; returns how many went. They share one time: one undo restores all."""
    with transaction.atomic():
        ids = list(documents.values_list("pk", flat=True))
        count = _hide(ids)
        if count:
            audit.record(
                "documents.deleted", actor=user, team=library.team, target=library, detail={"documents": count}
            )
    return count


def _hide(ids: Sequence[UUID]) -> int:
    together = Document.objects.filter(pk__in=family(ids), deleted_at=None)
    return together.update(deleted_at=timezone.now())


def family(ids: Sequence[UUID]) -> list[UUID]:
    """Return these documents and all parts below them."""
    with connection.cursor() as cursor:
        cursor.execute(_FAMILY, [list(ids)])
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def restore_document(*, user: User, document: Document) -> Document:
    """Bring a deleted document back as it was, with the parts that went with it.

    One whose reading the deletion stopped is read again by the poller. Raises NotRestorable when the same bytes are
    in the library again, or when the file that it is a part of is still deleted.
    """
    if document.deleted_at is None:
        return document
    if document.parent_id and Document.objects.filter(pk=document.parent_id).exclude(deleted_at=None).exists():
        raise NotRestorable
    together = Document.objects.filter(pk__in=family([document.pk]), deleted_at=document.deleted_at)
    try:
        with transaction.atomic():
            together.update(deleted_at=None)
    except IntegrityError as error:
        raise NotRestorable from error
    document.deleted_at = None
    _record("document.restored", user, document)
    return document


@transaction.atomic
def restore_together(*, user: User, library: Library, deleted_at: datetime) -> int:
    """Bring back all that was deleted at one moment, of what the person may change; returns how many.

    What is in the library again stays deleted.
    """
    restored = 0
    gone = Document.objects.allowing(user, Level.WRITE).filter(library=library, deleted_at=deleted_at)
    for document_id in list(gone.order_by("created_at").values_list("pk", flat=True)):
        try:
            with transaction.atomic():
                restored += Document.objects.filter(pk=document_id).update(deleted_at=None)
        except IntegrityError:
            continue
    if restored:
        detail = {"documents": restored}
        audit.record("documents.restored", actor=user, team=library.team, target=library, detail=detail)
    return restored


def in_trash(user: User, library: Library) -> QuerySet[Document]:
    """Return what a person can restore, the latest first: parts are hidden behind the file that they went with."""
    gone = Document.objects.allowing(user, Level.WRITE).filter(library=library).exclude(deleted_at=None)
    gone = gone.exclude(parent__deleted_at__isnull=False)
    return gone.select_related("uploaded_by").order_by("-deleted_at", "name", "pk")


def days_left(document: Document) -> int:
    """Return how many days a deleted document can still be restored."""
    if document.deleted_at is None:
        return 0
    end = document.deleted_at + timedelta(days=settings.ENV.undo_days)
    return max(0, (end - timezone.now()).days)


def remove_for_good(*, user: User, library: Library, documents: QuerySet[Document], typed: str, wanted: str) -> int:
    """Remove deleted documents with their bytes now. Raises TypedNameDiffers unless `typed` is what is `wanted`."""
    if typed.strip() != wanted:
        raise TypedNameDiffers
    ids = family(list(documents.exclude(deleted_at=None).values_list("pk", flat=True)))
    removed = sum(remove_deleted(document_id) for document_id in ids)
    if removed:
        detail = {"documents": removed}
        audit.record("documents.removed", actor=user, team=library.team, target=library, detail=detail)
    return removed


def _record(action: str, user: User, document: Document) -> None:
    library = document.library
    audit.record(action, actor=user, team=library.team, target=document, detail={"name": document.name})
