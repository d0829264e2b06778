"""Files inside files: attachments and members of archives become documents of their own, below the file they came in.

A part's id is made of its parent's and its place in it, so that a second try, a rename or a move never makes it twice,
and a changed file in a new version of its parent becomes a new version of the part. Bytes are stored before rows; the
rows of a batch, their jobs and their quota are one transaction.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max, Sum
from django.dispatch import Signal
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.core.errors import AppError
from apps.ingestion import jobs
from apps.ingestion.chunking import rule_of
from apps.ingestion.errors import EmptyUpload, UploadTooLarge
from apps.ingestion.jobs import Held
from apps.ingestion.models import IngestionJob
from apps.ingestion.names import display_name
from apps.ingestion.parse_errors import ParseCancelled, TooManyParts
from apps.ingestion.parsers.host import Reading, limits_from_settings
from apps.ingestion.pipeline import Watcher
from apps.ingestion.storing import MIB, Stored, store
from apps.libraries.models import Document, DocumentVersion
from apps.libraries.reading import title_of
from apps.libraries.types import Blob, Cutting, ParsedDocument
from apps.libraries.versions import store_version
from apps.metering import services as metering
from apps.metering.errors import QuotaExceeded
from apps.metering.models import Resource

parts_made = Signal()  # sent once per file when its first parts are committed: their jobs wait for workers
BATCH = 20  # parts that are stored between two looks whether they are still wanted
MAX_FACTS, MAX_FACT_CHARS = 60, 1_000
ARCHIVES = frozenset({"zip"})  # their members stand in a folder of the archive's name; a mail's files beside the mail


@dataclass(frozen=True, slots=True)
class _Part:
    """A file inside the file that is to become a document."""

    id: uuid.UUID
    name: str
    folder: str
    blob: Blob


@dataclass(slots=True)
class _Work:
    """One reading whose parts are made: what is asked of every step."""

    version: DocumentVersion
    reading: Reading
    watcher: Watcher
    unread: list[dict[str, Any]] = field(default_factory=list)
    is_told: bool = False  # workers were rung for the first batch; they go on until nothing waits

    @property
    def document(self) -> Document:
        """Return the file that the parts came in."""
        return self.version.document

    def refuse(self, name: str, size: int, reason: str, folder: str = "") -> None:
        """List a file that becomes no document."""
        self.unread.append({"name": name, "folder": folder, "size": size, "reason": reason})


def keep_parts(version: DocumentVersion, reading: Reading, watcher: Watcher) -> int:
    """Make the parts of a version documents, note the others and the file's facts on it; returns how many parts.

    Raises TooManyParts, ParseCancelled when told to stop, and QuotaExceeded or another reason when it kept all from
    being made and the file holds nothing else.
    """
    work = _Work(version, reading, watcher)
    parts = _parts(work)
    _check_family(work.document, parts)
    failure = _make_all(work, parts)
    if failure is not None and not reading.parsed.blocks and not work.document.parts.exists():
        raise failure
    _drop_others(work, parts)
    facts = _facts(reading.parsed, len(parts))
    if (version.attachments, version.facts) != (work.unread, facts):
        version.attachments, version.facts = work.unread, facts
        version.save(update_fields=["attachments", "facts", "updated_at"])
    return len(parts)


def _facts(parsed: ParsedDocument, parts: int) -> dict[str, str]:
    """Return what the file says of itself, short enough for a row, and how many parts it has."""
    facts = {
        key[:100]: value.replace("\0", "")[:MAX_FACT_CHARS] for key, value in list(parsed.facts.items())[:MAX_FACTS]
    }
    return facts | ({"parts": str(parts)} if parts else {})


def _parts(work: _Work) -> list[_Part]:
    """Return what becomes a document, and list what does not."""
    limits, document = limits_from_settings(), work.document
    is_too_deep = _depth(document) >= limits.max_depth
    base = f"{document.folder}/{title_of(document.name)}" if work.reading.kind in ARCHIVES else document.folder
    seen: Counter[str] = Counter()
    parts: list[_Part] = []
    for attached in work.reading.parsed.attached:
        reason = attached.reason or ("too-deep" if is_too_deep else "")
        name, folder = display_name(attached.name, f"{base}/{attached.folder}")
        if attached.data is None or reason:
            work.refuse(name, attached.size, reason, attached.folder)
            continue
        place = f"{attached.folder}/{attached.name}"
        seen[place] += 1
        part_id = uuid.uuid5(document.pk, f"{place}#{seen[place]}")
        parts.append(_Part(part_id, name, folder, attached.data))
    return parts


def _depth(document: Document) -> int:
    """Return how many files this one is in."""
    depth, above = 0, document.parent
    while above is not None:
        depth, above = depth + 1, above.parent
    return depth


def _check_family(document: Document, parts: Sequence[_Part]) -> None:
    """Hold the whole family of one upload to the limits of an archive: mails in archives in mails count together."""
    if not parts:
        return
    limits = limits_from_settings()
    root = document
    while root.parent is not None:
        root = root.parent
    count, size = len(parts), sum(part.blob.size for part in parts)
    generation = [root.pk]
    for _ in range(limits.max_depth):
        below = Document.objects.filter(parent__in=generation).exclude(parent=document)
        generation = list(Document.objects.filter(parent__in=generation).values_list("pk", flat=True))
        count += below.count()
        size += below.aggregate(total=Sum("size_bytes"))["total"] or 0
    if count > limits.max_members or size > limits.max_blob_mib * MIB:
        raise TooManyParts(limit=limits.max_members, mib=limits.max_blob_mib)


def _make_all(work: _Work, parts: Sequence[_Part]) -> AppError | None:
    """Make the parts batch by batch; returns what kept some of them from being made."""
    failure: AppError | None = None
    for at in range(0, len(parts), BATCH):
        if work.watcher.should_stop():
            raise ParseCancelled
        batch = parts[at : at + BATCH]
        failure = _make_batch(work, batch) or failure
        work.watcher.show(at + len(batch), len(parts))
    return failure


def _make_batch(work: _Work, batch: Sequence[_Part]) -> AppError | None:
    """Make a batch; where the quota has no room for all of it, one by one, and list those that do not fit."""
    try:
        return _make(work, batch)
    except QuotaExceeded as error:
        if len(batch) == 1:
            work.refuse(batch[0].name, batch[0].blob.size, error.code, batch[0].folder)
            return error
    failures = [_make_batch(work, [part]) for part in batch]
    return next(filter(None, failures), None)


def _make(work: _Work, batch: Sequence[_Part]) -> AppError | None:
    """Store the bytes of a batch that are new and write its rows; returns what kept one from being stored."""
    failure: AppError | None = None
    known = Document.objects.select_related("library").in_bulk([part.id for part in batch])
    _revive(work, known.values())
    with ExitStack() as undo:
        fresh: list[tuple[_Part, Stored]] = []
        for part in batch:
            if part.id in known and known[part.id].sha256 == _digest(work.reading, part.blob):
                continue
            try:
                fresh.append((part, store(_Source(work.reading, part.blob), undo)))
            except (UploadTooLarge, EmptyUpload) as error:
                failure = error
                work.refuse(part.name, part.blob.size, error.code, part.folder)
        if fresh:
            _write_rows(work, fresh, known)
        undo.pop_all()
    return failure


def _write_rows(work: _Work, fresh: Sequence[tuple[_Part, Stored]], known: dict[uuid.UUID, Document]) -> None:
    """Write documents, versions and jobs, counted against the quota of whoever uploaded the file they came in."""
    document = work.document
    amounts = {
        Resource.DOCUMENTS: sum(part.id not in known for part, _stored in fresh),
        Resource.STORAGE_BYTES: sum(stored.size_bytes for _part, stored in fresh),
    }
    with transaction.atomic():
        reserved = metering.reserve(user=document.uploaded_by, team=document.library.team, amounts=amounts)
        for part, stored in fresh:
            child = known.get(part.id)
            if child is None:
                child = Document.objects.create(
                    id=part.id,
                    library=document.library,
                    name=part.name,
                    folder=part.folder,
                    sha256=stored.sha256,
                    size_bytes=stored.size_bytes,
                    uploaded_by=document.uploaded_by,
                    origin=Document.Origin.PART,
                    parent=document,
                )
            _add_version(child, stored)
        metering.settle(reserved.pk, amounts)
    if not work.is_told:
        parts_made.send(sender=None)
        work.is_told = True


def _add_version(child: Document, stored: Stored) -> None:
    """Give a part its first or its next version, and queue its reading."""
    number = (child.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    version = DocumentVersion(
        id=stored.version_id, document=child, number=number, sha256=stored.sha256, size_bytes=stored.size_bytes
    )
    version.file.name = stored.key
    version.created_by = child.uploaded_by
    version.save(force_insert=True)
    if number == 1:
        IngestionJob.objects.create(team_id=child.library.team_id, document=child, version=version)
        return
    Document.objects.filter(pk=child.pk).update(sha256=stored.sha256, size_bytes=stored.size_bytes)
    jobs.queue(child, version)


def _revive(work: _Work, known: Iterable[Document]) -> None:
    """Bring back parts that went with an earlier version; those that a person deleted stay so while it is the same."""
    current = work.document.current_version_id
    if current is not None and current != work.version.pk:
        gone = [child.pk for child in known if child.deleted_at is not None]
        Document.objects.filter(pk__in=gone).update(deleted_at=None)


def _drop_others(work: _Work, parts: Sequence[_Part]) -> None:
    """Delete, restorably, the parts of an earlier version that are not in this one."""
    if not parts and work.document.current_version_id is None:
        return
    others = Document.objects.filter(parent=work.document, deleted_at=None).exclude(pk__in=[part.id for part in parts])
    others.update(deleted_at=timezone.now())


def _digest(reading: Reading, blob: Blob) -> str:
    digest = hashlib.sha256()
    for piece in reading.pieces(blob):
        digest.update(piece)
    return digest.hexdigest()


class _Source:
    """The bytes of a part, as `storing.store` takes them."""

    def __init__(self, reading: Reading, blob: Blob) -> None:
        self._reading = reading
        self._blob = blob

    def chunks(self, chunk_size: int = MIB) -> Iterator[bytes]:
        """Yield the bytes in pieces."""
        return self._reading.pieces(self._blob, chunk_size)


def is_mere_container(parsed: ParsedDocument) -> bool:
    """Return whether a file holds other files and no words of its own."""
    return not parsed.blocks and any(part.data is not None for part in parsed.attached)


@transaction.atomic
def settle_container(held: Held, version: DocumentVersion, seconds: float) -> None:
    """Make a file without words ready: it has no chunks, its parts are what it is for. Raises JobStopped."""
    model = default_model(AIModel.Kind.EMBEDDING)
    job = jobs.lock(held)
    nothing = np.zeros((0, model.dimensions or 1), dtype=np.float32)
    cutting = Cutting(rule_of(version.document.library).digest)
    if store_version(version=version, drafts=[], vectors=nothing, model=model, blocks=None, cutting=cutting):
        jobs.finish(job, seconds=seconds)
    else:
        jobs.drop(held)
