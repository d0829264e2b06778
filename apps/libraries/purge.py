"""Removes for good what was deleted KB_UNDO_DAYS ago: rows, vectors, statistics, and the files that no row owns."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.libraries.models import Document, DocumentVersion, Figure, Library
from apps.libraries.versions import drop_chunks
from apps.metering.models import Resource
from apps.metering.services import add_use

logger = logging.getLogger(__name__)
ORPHAN_AGE = timedelta(hours=24)  # an upload that is just being committed has a file but no row yet
FOLDERS = ("documents", "blocks", "figures")
KEYS_AT_ONCE = 500


def purge() -> tuple[int, int]:
    """Remove what cannot be restored any more; returns how many documents and libraries went. Safe to repeat."""
    before = timezone.now() - timedelta(days=settings.ENV.undo_days)
    due = Q(deleted_at__lt=before) | Q(library__deleted_at__lt=before)
    documents = 0
    for document_id in Document.objects.filter(due).values_list("pk", flat=True).iterator():
        documents += _purge_document(document_id, due)
    libraries = Library.objects.filter(deleted_at__lt=before, documents=None)
    _, gone = libraries.delete()
    remove_orphans()
    return documents, gone.get("libraries.Library", 0)


def remove_deleted(document_id: UUID) -> bool:
    """Remove a deleted document for good now, before its time; returns whether it was there and deleted."""
    return _purge_document(document_id, ~Q(deleted_at=None))


def remove_whatever(document_id: UUID) -> bool:
    """Remove a document for good, deleted or not: its team goes. Returns whether it was there."""
    return _purge_document(document_id, Q())


def _purge_document(document_id: UUID, due: Q) -> bool:
    """Remove one document with its parts unless it was restored meanwhile; files go once that is committed."""
    with transaction.atomic():
        document = Document.objects.select_for_update(of=("self",)).filter(due, pk=document_id).first()
        if document is None:
            return False
        for part_id in document.parts.values_list("pk", flat=True):
            _purge_document(part_id, Q())
        libraries = Library.objects.select_for_update(of=("self",), no_key=True).select_related("team")
        library = libraries.get(pk=document.library_id)
        keys, size = _stored(document)
        drop_chunks(document)
        document.delete()
        gone = {Resource.DOCUMENTS: -1, Resource.STORAGE_BYTES: -size}
        add_use(user=None, team=library.team, amounts=gone)
        transaction.on_commit(lambda: _delete_files(keys))
    return True


def _stored(document: Document) -> tuple[list[str], int]:
    """Return the keys of all files that a document owns, and the bytes of its versions."""
    versions = DocumentVersion.objects.filter(document=document).values_list("file", "blocks", "size_bytes")
    figures = Figure.objects.filter(version__document=document).values_list("file", flat=True)
    keys = [key for file, blocks, _size in versions for key in (file, blocks)] + list(figures)
    return [key for key in keys if key], sum(size for _file, _blocks, size in versions)


def _delete_files(keys: list[str]) -> None:
    for key in keys:
        default_storage.delete(key)


def remove_orphans(age: timedelta = ORPHAN_AGE) -> int:
    """Delete files without a row that are older than `age`: what a crash between file and row left behind."""
    removed = 0
    for key in orphans(age):
        default_storage.delete(key)
        removed += 1
    if removed:
        logger.info("orphaned files removed", extra={"count": removed})
    return removed


def orphans(age: timedelta = ORPHAN_AGE) -> Iterator[str]:
    """Yield the keys of files that no version owns and that are older than `age`."""
    limit = timezone.now() - age
    batch: list[str] = []
    for key in _stored_keys():
        batch.append(key)
        if len(batch) >= KEYS_AT_ONCE:
            yield from _unowned(batch, limit)
            batch = []
    yield from _unowned(batch, limit)


def _unowned(keys: list[str], limit: datetime) -> Iterator[str]:
    owned = DocumentVersion.objects.filter(Q(file__in=keys) | Q(blocks__in=keys)).values_list("file", "blocks")
    known = {key for pair in owned for key in pair} | set(
        Figure.objects.filter(file__in=keys).values_list("file", flat=True)
    )
    for key in keys:
        if key not in known and default_storage.get_modified_time(key) < limit:
            yield key


def _stored_keys() -> Iterator[str]:
    for folder in FOLDERS:
        if not default_storage.exists(folder):
            continue
        for shard in default_storage.listdir(folder)[0]:
            for name in default_storage.listdir(f"{folder}/{shard}")[1]:
                yield f"{folder}/{shard}/{name}"
