"""Makes vectors and lexical terms of passages that people changed: only of these, and once.

A passage is `is_pending` from the edit until both its indexes are written here, in one transaction per document.
Nothing is leased: two workers at it would write the same thing, and what somebody changes while its vector is being
made stays pending, because the digest of its text differs by then.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, is_serving, spec_of
from apps.core.errors import AppError
from apps.libraries.lexical_store import reindex_chunks, tidy_index
from apps.libraries.models import Chunk, ChunkEmbedding, Document, Library
from apps.libraries.reading import title_of
from apps.libraries.types import embedded_text, text_digest
from apps.runtimes import registry
from apps.runtimes.contracts import Floats, RuntimeFailure

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Changed:
    """A pending passage and what its vector is to be made from."""

    chunk_id: UUID
    document_id: UUID
    text: str
    digest: str
    has_vector: bool  # made from this very text by the model: only its terms are missing


def pending() -> QuerySet[Chunk]:
    """Return the passages that wait, the longest waiting first; those of deleted documents wait until these return."""
    rows = Chunk.objects.filter(is_pending=True, document__deleted_at=None, library__deleted_at=None)
    return rows.order_by("created_at", "pk")


def embed_changed(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Bring the indexes of all pending passages up to date; returns how many were written. Safe to repeat.

    A model that is absent or breaks leaves them pending: the poller rings again.
    """
    written = 0
    while not is_stopping():
        try:
            count = _one_batch()
        except (RuntimeFailure, AppError):
            logger.exception("changed passages could not be embedded")
            return written
        if not count:
            return written
        written += count
    return written


def _one_batch() -> int:
    model = default_model(AIModel.Kind.EMBEDDING)
    batch = _load(model, settings.ENV.embed_batch)
    if not batch:
        return 0
    spec = spec_of(model)
    missing = [row.text for row in batch if not row.has_vector]
    vectors = registry.embedder(spec).embed_passages(missing) if missing else None
    tokens = registry.tokenizer(spec).count([row.text for row in batch])
    made = _by_id(batch, vectors)
    counted = {row.chunk_id: count for row, count in zip(batch, tokens, strict=True)}
    written = 0
    for document_id, rows in groupby(sorted(batch, key=attrgetter("document_id")), key=attrgetter("document_id")):
        written += _write(document_id, list(rows), model, made, counted)
    tidy_index()
    return written


def _load(model: AIModel, limit: int) -> list[Changed]:
    vector = ChunkEmbedding.objects.filter(chunk=OuterRef("pk"), model=model, library=OuterRef("library"))
    rows = pending().annotate(is_embedded=Exists(vector)).defer("terms", "weights", "boxes")[:limit]
    return [_changed(row, is_embedded=row.is_embedded) for row in rows]


def _changed(row: Chunk, *, is_embedded: bool) -> Changed:
    text = embedded_text(row.heading_path, row.text, row.keywords, row.questions)
    digest = text_digest(text)
    return Changed(row.pk, row.document_id, text, digest, is_embedded and row.embedded_digest == digest)


def _by_id(batch: Sequence[Changed], vectors: Floats | None) -> dict[UUID, list[float]]:
    if vectors is None:
        return {}
    missing = [row.chunk_id for row in batch if not row.has_vector]
    return {chunk_id: vector.tolist() for chunk_id, vector in zip(missing, vectors, strict=True)}


@transaction.atomic
def _write(
    document_id: UUID,
    batch: Sequence[Changed],
    model: AIModel,
    vectors: dict[UUID, list[float]],
    tokens: dict[UUID, int],
) -> int:
    """Write vectors, terms and counts of one document's passages that are still as they were read."""
    document = Document.objects.select_for_update(no_key=True).filter(pk=document_id).first()
    if document is None or not is_serving(model):
        return 0
    library = Library.objects.select_for_update(no_key=True).get(pk=document.library_id)
    digests = {row.chunk_id: row.digest for row in batch}
    rows = Chunk.objects.filter(pk__in=digests, is_pending=True).defer("terms", "weights", "boxes")
    same = [row for row in rows if _changed(row, is_embedded=False).digest == digests[row.pk]]
    for row in same:
        row.tokens, row.embedded_digest, row.is_pending = tokens[row.pk], digests[row.pk], False
    ChunkEmbedding.objects.bulk_create(
        [
            ChunkEmbedding(chunk=row, model=model, library=library, vector=vectors[row.pk])
            for row in same
            if row.pk in vectors
        ],
        update_conflicts=True,
        unique_fields=["chunk", "model"],
        update_fields=["vector", "library"],
    )
    others = ChunkEmbedding.objects.filter(chunk__in=[row.pk for row in same if row.pk in vectors])
    others.exclude(model=model).delete()  # of the text before; `switching` makes them anew
    reindex_chunks(library.pk, same, title=title_of(document.name))
    Chunk.objects.bulk_update(same, ["tokens", "embedded_digest", "is_pending"])
    return len(same)
