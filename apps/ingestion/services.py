"""Uploads, and what people do with the reading of a document."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F

from apps.audit import services as audit
from apps.core.crash import reach
from apps.ingestion import jobs, journal
from apps.ingestion.errors import StillReading
from apps.ingestion.models import IngestionJob
from apps.ingestion.names import display_name
from apps.ingestion.storing import Source, Stored, store
from apps.ingestion.tasks import read_document, ring
from apps.libraries.models import Document, DocumentVersion, Level, Library
from apps.libraries.trash import family
from apps.metering import services as metering
from apps.metering.models import Resource
from apps.users.models import User

Outcome = Literal["created", "duplicate", "restored", "retried"]


@dataclass(frozen=True, slots=True)
class Upload:
    """The document an upload led to, and how."""

    document: Document
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Label:
    """What a new document is called, where it is shown, and the page it came from, if it came from the web."""

    name: str
    folder: str
    source_url: str = ""


def receive_upload(*, user: User | None, library: Library, file: Source, name: str, folder: str = "") -> Document:
    """Store a file and queue its reading. Raises UploadTooLarge, EmptyUpload or StorageFull and then keeps nothing.

    The same bytes twice in a library are one document; a deleted one comes back.
    """
    return take_upload(user=user, library=library, file=file, name=name, folder=folder).document


def take_upload(
    *, user: User | None, library: Library, file: Source, name: str, folder: str = "", source_url: str = ""
) -> Upload:
    """Do what `receive_upload` does and tell as well whether the document is new.

    A page of the web (`source_url`) is always a document of its own: two addresses may well answer alike.
    """
    label = Label(*display_name(name, folder), source_url)
    with ExitStack() as undo:  # whatever goes wrong, and for bytes that were there already
        stored = store(file, undo)
        reach("after-blob")
        existing = _existing(user, library, stored.sha256, label)
        held = None
        if existing is None:
            held = metering.reserve(user=user, team=library.team, amounts=_amounts(stored))
            undo.callback(metering.release, held.pk)
        try:
            with transaction.atomic():
                upload = _settle(user, library, stored, label, existing)
                if upload.outcome == "created" and held is not None:
                    metering.settle(held.pk, _amounts(stored))
                reach("after-row")
        except (OperationalError, InterfaceError):
            undo.pop_all()  # the commit may have got through: the bytes stay, and the purge removes what nobody owns
            raise
        if upload.outcome == "created":
            undo.pop_all()
    return upload


@transaction.atomic
def retry(*, user: User, document: Document) -> IngestionJob:
    """Read a failed or cancelled document again. Raises StillReading for any other."""
    locked = Document.objects.select_for_update(no_key=True).get(pk=document.pk)
    if locked.status not in (Document.Status.FAILED, Document.Status.CANCELLED):
        raise StillReading
    job = _queue_latest(document)
    if job is None:
        raise StillReading
    audit.record("document.retried", actor=user, team=document.library.team, target=document)
    return job


@transaction.atomic
def cancel(*, user: User, document: Document) -> None:
    """Stop the reading of a document; one that is settled already stays as it is."""
    job = IngestionJob.objects.filter(document=document, state__in=IngestionJob.LIVE).first()
    if job is not None:
        jobs.cancel(job)
        audit.record("document.cancelled", actor=user, team=document.library.team, target=document)


def _amounts(stored: Stored) -> dict[Resource, int]:
    return {Resource.DOCUMENTS: 1, Resource.STORAGE_BYTES: stored.size_bytes}


def _settle(user: User | None, library: Library, stored: Stored, label: Label, existing: Document | None) -> Upload:
    """Bring back the document with these bytes or create it with its version and job; needs a transaction."""
    if existing is None:
        try:
            with transaction.atomic():
                document = _create(user, library, stored, label)
        except IntegrityError:  # a parallel upload of the same bytes was quicker and is committed now
            existing = _existing(user, library, stored.sha256, label)
            if existing is None:
                raise
        else:
            audit.record(
                "document.uploaded", actor=user, team=library.team, target=document, detail={"name": label.name}
            )
            return Upload(document, "created")
    return Upload(existing, _revive(user, library, existing))


def _existing(user: User | None, library: Library, sha256: str, label: Label) -> Document | None:
    """Return the library's uploaded document with these bytes, a live one before the one deleted last.

    Of a person's uploads only what they may change is told: what they may not is as if it were not there.
    """
    if label.source_url:
        return None
    same = Document.objects.filter(library=library, sha256=sha256, origin=Document.Origin.UPLOAD)
    if not same.exists():
        return None  # as nearly always: the rights are the dearer question
    if user is not None:
        same = same.allowing(user, Level.WRITE)
    return same.select_related("library__team").order_by(F("deleted_at").desc(nulls_first=True)).first()


def _create(user: User | None, library: Library, stored: Stored, label: Label) -> Document:
    sha256, size = stored.sha256, stored.size_bytes
    document = Document.objects.create(
        library=library,
        name=label.name,
        folder=label.folder,
        source_url=label.source_url,
        origin=Document.Origin.WEB if label.source_url else Document.Origin.UPLOAD,
        uploaded_by=user,
        sha256=sha256,
        size_bytes=size,
    )
    version = DocumentVersion(id=stored.version_id, document=document, sha256=sha256, size_bytes=size)
    version.file.name = stored.key
    version.save(force_insert=True)
    job = IngestionJob.objects.create(
        team_id=library.team_id, document=document, version=version, events=[journal.event("queued", {})]
    )
    transaction.on_commit(partial(_ring_reader, job))
    return document


def _ring_reader(job: IngestionJob) -> None:
    reach("before-bell")
    ring(read_document, str(job.pk))


def _revive(user: User | None, library: Library, document: Document) -> Outcome:
    """Bring back a deleted document, and read a failed one again, when its bytes are uploaded once more."""
    outcome: Outcome = "duplicate"
    if document.deleted_at is not None:
        try:
            with transaction.atomic():
                together = Document.objects.filter(pk__in=family([document.pk]), deleted_at=document.deleted_at)
                together.update(deleted_at=None)
        except IntegrityError:  # a parallel upload created or revived one
            return outcome
        document.deleted_at, outcome = None, "restored"
        audit.record("document.restored", actor=user, team=library.team, target=document)
    if document.status in (Document.Status.FAILED, Document.Status.CANCELLED) and _queue_latest(document) is not None:
        outcome = "retried" if outcome == "duplicate" else outcome
    return outcome


def _queue_latest(document: Document) -> IngestionJob | None:
    version = document.versions.order_by("-number").first()
    job = jobs.queue(document, version) if version is not None else None
    if job is not None:
        transaction.on_commit(partial(ring, read_document, str(job.pk)))
    return job
