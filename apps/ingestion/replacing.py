"""New bytes for a document that keeps its address: versions, and going back to an earlier one.

The chunks of the version before serve until the new one is read; only chunks that changed are embedded again.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

from django.core.files.base import File
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.core.errors import NotFound
from apps.core.text import one_line
from apps.ingestion import jobs
from apps.ingestion.errors import FileLost
from apps.ingestion.models import IngestionJob
from apps.ingestion.names import display_name
from apps.ingestion.storing import Source, Stored, store
from apps.ingestion.tasks import read_document, ring
from apps.libraries.errors import AlreadyInLibrary
from apps.libraries.models import Document, DocumentVersion, PageReading
from apps.metering import services as metering
from apps.metering.models import Resource
from apps.users.models import User

NOTE_MAX = 500
Outcome = Literal["replaced", "same", "retried"]


@dataclass(frozen=True, slots=True)
class Replacement:
    """What became of new bytes: a version to be read, or nothing where they are what was there."""

    document: Document
    outcome: Outcome
    version: DocumentVersion


def replace_upload(
    *, user: User | None, document: Document, file: Source, name: str = "", note: str = ""
) -> Replacement:
    """Store a new version of a document and queue its reading; the same bytes as the last version change nothing.

    Raises UploadTooLarge, EmptyUpload, StorageFull, QuotaExceeded, AlreadyInLibrary or NotFound (deleted meanwhile),
    and then keeps nothing. `name` gives the document its suffix where the new file is of another kind.
    """
    with ExitStack() as undo:
        stored = store(file, undo)
        latest = _latest(document)
        if latest.sha256 == stored.sha256:
            return _unchanged(document, latest)
        amounts = {Resource.STORAGE_BYTES: stored.size_bytes}
        held = metering.reserve(user=user, team=document.library.team, amounts=amounts)
        undo.callback(metering.release, held.pk)
        try:
            with transaction.atomic():
                version = _add_version(user, document, stored, _Words(_name(document, name), one_line(note)))
                metering.settle(held.pk, amounts)
        except (OperationalError, InterfaceError):
            undo.pop_all()  # the commit may have got through: the bytes stay, and the purge removes what nobody owns
            raise
        undo.pop_all()
    return Replacement(document, "replaced", version)


def restore_version(*, user: User, document: Document, version: DocumentVersion) -> Replacement:
    """Make the bytes of an earlier version the document's again, as a new version on top.

    What was recognised on its pages is taken along, so that OCR need not run again. Raises what `replace_upload` does,
    and FileLost.
    """
    try:
        opened: File[bytes] = version.file.open("rb")
    except FileNotFoundError as error:
        raise FileLost from error
    note = _("Version %(number)s again") % {"number": version.number}
    with opened, transaction.atomic():
        done = replace_upload(user=user, document=document, file=opened, note=note)
        if done.outcome == "replaced":
            _copy_readings(version, done.version)
    return done


@dataclass(frozen=True, slots=True)
class _Words:
    name: str
    note: str


def _latest(document: Document) -> DocumentVersion:
    latest = document.versions.order_by("-number").first()
    if latest is None:
        raise NotFound
    return latest


def _unchanged(document: Document, latest: DocumentVersion) -> Replacement:
    """Say that nothing is new; what failed to be read before is tried again."""
    with transaction.atomic():
        locked = Document.objects.select_for_update(no_key=True).get(pk=document.pk)
        is_broken = locked.status in (Document.Status.FAILED, Document.Status.CANCELLED)
        job = jobs.queue(document, latest) if is_broken else None
        if job is not None:
            transaction.on_commit(partial(ring, read_document, str(job.pk)))
    return Replacement(document, "retried" if job else "same", latest)


def _name(document: Document, name: str) -> str:
    """Return the document's name, with the suffix of the new file where that is another one."""
    if not name:
        return document.name
    shown, _folder = display_name(name)
    stem, dot, suffix = document.name.rpartition(".")
    _new_stem, new_dot, new_suffix = shown.rpartition(".")
    if not new_dot or suffix.lower() == new_suffix.lower():
        return document.name
    return display_name(f"{stem if dot else document.name}.{new_suffix}")[0]


def _add_version(user: User | None, document: Document, stored: Stored, words: _Words) -> DocumentVersion:
    """Put a version on top and queue its reading instead of whatever was being read of the document."""
    locked = Document.objects.select_for_update(no_key=True).filter(pk=document.pk, deleted_at=None).first()
    if locked is None:
        raise NotFound
    number = _latest(document).number + 1
    try:
        with transaction.atomic():
            Document.objects.filter(pk=document.pk).update(
                name=words.name, sha256=stored.sha256, size_bytes=stored.size_bytes
            )
    except IntegrityError as error:
        raise _taken(document, stored.sha256) from error
    for live in IngestionJob.objects.filter(document=document, state__in=IngestionJob.LIVE):
        jobs.cancel(live)
    version = DocumentVersion(id=stored.version_id, document=document, number=number, created_by=user)
    version.sha256, version.size_bytes, version.note = stored.sha256, stored.size_bytes, words.note[:NOTE_MAX]
    version.file.name = stored.key
    version.save(force_insert=True)
    document.name, document.sha256, document.size_bytes = words.name, stored.sha256, stored.size_bytes
    job = jobs.queue(document, version)
    if job is not None:
        transaction.on_commit(partial(ring, read_document, str(job.pk)))
    detail: dict[str, str | int] = {"name": words.name, "version": number}
    audit.record("document.replaced", actor=user, team=document.library.team, target=document, detail=detail)
    return version


def _taken(document: Document, sha256: str) -> AlreadyInLibrary:
    """Return the refusal with the name of the other document, which has the same place and so the same readers."""
    same = Document.objects.filter(library=document.library_id, sha256=sha256, place=document.place_id)
    others = same.filter(deleted_at=None)
    other = others.exclude(pk=document.pk).first()
    return AlreadyInLibrary(name=other.name if other else "")


def _copy_readings(old: DocumentVersion, new: DocumentVersion) -> None:
    rows = list(PageReading.objects.filter(version=old))
    for row in rows:
        row.pk, row.version = None, new
    PageReading.objects.bulk_create(rows, batch_size=200)
