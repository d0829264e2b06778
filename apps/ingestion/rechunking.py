"""Cutting documents anew by another rule, from the text that was read before; the old chunks serve until the switch."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Now

from apps.audit import services as audit
from apps.ingestion import jobs, journal, pace
from apps.ingestion.chunking import Rule, default_rule, rule_of
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.models import Chunk, Document, DocumentVersion, Library
from apps.libraries.reading import load_blocks
from apps.libraries.types import ParsedDocument
from apps.users.models import User

BATCH = 1_000
Kind = IngestionJob.Kind
State = IngestionJob.State


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a library is on its way to its rule: documents that are cut by it, those under way, and all."""

    cut: int
    live: int
    documents: int

    @property
    def is_live(self) -> bool:
        """Return whether documents are being cut anew."""
        return self.live > 0

    @property
    def old(self) -> int:
        """Return how many documents are cut by an earlier rule."""
        return max(0, self.documents - self.cut)


@dataclass(frozen=True, slots=True)
class Cost:
    """What cutting a library anew takes: documents, their chunks now, seconds of embedding, edits that would go."""

    documents: int
    chunks: int
    seconds: float
    edited: int


def stored_text(kind: str, version: DocumentVersion) -> ParsedDocument | None:
    """Return what was read before for a job that only cuts anew; None where the file has to be read (again)."""
    if kind != Kind.CHUNK:
        return None
    blocks = load_blocks(version)
    return ParsedDocument(blocks, pages=version.pages, facts=version.facts) if blocks else None


@transaction.atomic
def save_rule(*, user: User, library: Library, rule: Rule) -> int:
    """Store a library's rule and queue the cutting of its documents; returns how many there are to cut anew."""
    locked = Library.objects.select_for_update(no_key=True).get(pk=library.pk)
    if rule_of(locked) != rule or not locked.chunking:
        Library.objects.filter(pk=library.pk).update(chunking=rule.as_json(), updated_at=Now())
        detail = {"strategy": rule.strategy, "tokens": rule.target_tokens}
        audit.record("library.chunking-changed", actor=user, team=library.team, target=library, detail=detail)
    library.chunking = rule.as_json()
    return queue_all(library)


@transaction.atomic
def queue_all(library: Library) -> int:
    """Queue the cutting of every settled document that another rule has cut; returns how many."""
    old = _settled(library).exclude(_is_cut_by(rule_of(library)))
    rows = list(old.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk", "current_version"))
    for at in range(0, len(rows), BATCH):
        _queue(library, rows[at : at + BATCH])
    return len(rows)


def _queue(library: Library, rows: Sequence[tuple[UUID, UUID | None]]) -> None:
    IngestionJob.objects.bulk_create(
        IngestionJob(
            team_id=library.team_id,
            document_id=document,
            version_id=version,
            kind=Kind.CHUNK,
            events=[journal.event("queued", {})],
        )
        for document, version in rows
        if version is not None
    )
    Document.objects.filter(pk__in=[document for document, _version in rows]).update(
        status=Document.Status.QUEUED, stage="", progress_done=0, progress_total=0, error_code="", error_params={}
    )


def catch_up(version: DocumentVersion, rule: Rule) -> None:
    """Queue a document once more that was on its way by an old rule when its library got a new one.

    Call it in the transaction that made this version its current one and settled its job; the poller rings.
    """
    document = version.document
    document.library.refresh_from_db(fields=["chunking"])
    if rule_of(document.library).digest != rule.digest:
        jobs.queue(document, version, kind=Kind.CHUNK)


@transaction.atomic
def cancel_all(*, user: User, library: Library) -> int:
    """Stop cutting a library's documents anew: those that wait keep their old chunks. Returns how many were stopped."""
    live = IngestionJob.objects.filter(document__library=library, kind=Kind.CHUNK, state__in=IngestionJob.LIVE)
    rows = list(live.select_for_update(of=("self",), skip_locked=True).order_by("pk"))
    waiting = [job for job in rows if job.state == State.QUEUED]
    ids = [job.pk for job in waiting]
    for job in waiting:
        journal.append(job, "cancelled")
        job.state = State.CANCELLED
    IngestionJob.objects.bulk_update(waiting, ["state", "events"], batch_size=BATCH)
    IngestionJob.objects.filter(pk__in=ids).update(finished_at=Now())
    StagedChunk.objects.filter(job__in=ids).delete()
    Document.objects.filter(pk__in=[job.document_id for job in waiting], deleted_at=None).update(
        status=Document.Status.READY, stage="", progress_done=0, progress_total=0
    )
    live.filter(state=State.RUNNING).update(is_cancelled=True)
    audit.record("library.chunking-stopped", actor=user, team=library.team, target=library)
    return len(rows)


def standing(library: Library) -> Standing:
    """Return how far a library is."""
    documents = Document.objects.filter(library=library, deleted_at=None, current_version__chunk_count__gt=0)
    cut = documents.filter(_is_cut_by(rule_of(library))).count()
    live = IngestionJob.objects.filter(
        document__library=library, document__deleted_at=None, kind=Kind.CHUNK, state__in=IngestionJob.LIVE
    )
    return Standing(cut, live.count(), documents.count())


def cost(library: Library) -> Cost:
    """Return what cutting all documents of a library anew would take, at the pace measured until now."""
    documents = _settled(library)
    sums = documents.aggregate(chunks=Sum("current_version__chunk_count"))
    chunks = int(sums["chunks"] or 0)
    edited = Chunk.objects.filter(document__in=documents, is_edited=True) | Chunk.objects.filter(
        document__in=documents, is_manual=True
    ).exclude(source_digest="")
    seconds = pace.load().cost("embed", library.team_id, "", chunks)
    return Cost(documents.count(), chunks, seconds, edited.count())


def _is_cut_by(rule: Rule) -> Q:
    """Return the condition that a document is cut by a rule; before rules existed, the default one cut."""
    cut = Q(current_version__cut_by=rule.digest)
    return cut | Q(current_version__cut_by="") if rule == default_rule() else cut


def _settled(library: Library) -> QuerySet[Document]:
    """Return the documents with chunks whose last version is the one that is searched, and that nobody reads now."""
    newer = DocumentVersion.objects.filter(document=OuterRef("pk"), number__gt=OuterRef("current_version__number"))
    return Document.objects.filter(
        ~Exists(newer),
        library=library,
        deleted_at=None,
        status__in=Document.SETTLED,
        current_version__chunk_count__gt=0,
    ).exclude(current_version__blocks="")
