"""Chunks between splitting and indexing: rows that survive a crash, each with its vector once it has one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from apps.ingestion.jobs import Held, lock
from apps.ingestion.models import StagedChunk
from apps.libraries.types import Box, ChunkDraft
from apps.runtimes.contracts import Floats

INSERT_ROWS = 500


@dataclass(frozen=True, slots=True)
class Waiting:
    """A staged chunk without a vector, as the embedder needs it."""

    row_id: int
    job_id: UUID
    text: str
    heading_path: tuple[str, ...]
    tokens: int


def stage(held: Held, drafts: Sequence[ChunkDraft]) -> None:
    """Replace the job's staged chunks, in one transaction. Raises JobStopped when the lease is lost."""
    rows = (StagedChunk(job_id=held.job_id, ordinal=d.ordinal, payload=to_payload(d), tokens=d.tokens) for d in drafts)
    with transaction.atomic():
        lock(held)
        StagedChunk.objects.filter(job_id=held.job_id).delete()
        StagedChunk.objects.bulk_create(rows, batch_size=INSERT_ROWS)


def waiting(job_id: UUID, limit: int) -> list[Waiting]:
    """Return the next chunks of a job that have no vector, in order; only what the embedder needs is read."""
    rows = (
        StagedChunk.objects.filter(job_id=job_id, vector=None)
        .order_by("ordinal")
        .values_list("pk", "job_id", "payload__text", "payload__heading_path", "tokens")[:limit]
    )
    return [Waiting(pk, job, text, tuple(path or ()), tokens) for pk, job, text, path, tokens in rows]


def write_vectors(rows: Sequence[Waiting], vectors: Floats) -> None:
    """Store the vectors of a batch in one statement; rows of a job that was settled meanwhile are gone: no effect."""
    packed = [vector.tobytes() for vector in vectors.astype("<f4", copy=False)]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ingestion_stagedchunk AS staged SET vector = new.vector "
            "FROM unnest(%s::bigint[], %s::bytea[]) AS new(id, vector) WHERE staged.id = new.id",
            [[row.row_id for row in rows], packed],
        )


def load(job_id: UUID) -> tuple[list[ChunkDraft], Floats]:
    """Return a job's chunks in order and their vectors, shape (chunks, dimensions). Raises ValueError if one lacks."""
    rows = list(
        StagedChunk.objects.filter(job_id=job_id)
        .order_by("ordinal")
        .values_list("payload", "vector", "ordinal", "tokens")
    )
    packed = [vector for _, vector, _, _ in rows if vector is not None]
    if len(packed) < len(rows):
        message = f"job {job_id} has chunks without vectors"
        raise ValueError(message)
    drafts = [from_payload(payload, ordinal, tokens) for payload, _, ordinal, tokens in rows]
    vectors = np.stack([np.frombuffer(vector, dtype="<f4") for vector in packed])
    return drafts, vectors.astype(np.float32, copy=False)


def to_payload(draft: ChunkDraft) -> dict[str, Any]:
    """Return the draft as JSON; ordinal and tokens have columns of their own. NUL, which JSONB refuses, is dropped."""
    return {
        "text": draft.text.replace("\x00", ""),
        "heading_path": [heading.replace("\x00", "") for heading in draft.heading_path],
        "page_from": draft.page_from,
        "page_to": draft.page_to,
        "boxes": [[box.page, box.x0, box.y0, box.x1, box.y1] for box in draft.boxes],
        "char_from": draft.char_from,
        "char_to": draft.char_to,
    }


def from_payload(payload: dict[str, Any], ordinal: int, tokens: int) -> ChunkDraft:
    """Return the draft that `to_payload` wrote."""
    return ChunkDraft(
        ordinal=ordinal,
        text=payload["text"],
        tokens=tokens,
        heading_path=tuple(payload["heading_path"]),
        page_from=payload["page_from"],
        page_to=payload["page_to"],
        boxes=tuple(Box(*box) for box in payload["boxes"]),
        char_from=payload["char_from"],
        char_to=payload["char_to"],
    )
