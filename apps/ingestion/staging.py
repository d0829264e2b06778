"""Chunks between splitting and indexing: rows that survive a crash, each with its vector once it has one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection

from apps.ingestion.cutting import Prepared, digest_of, section_payloads
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.types import Box, ChunkDraft, SectionDraft, searched_text
from apps.runtimes.contracts import Floats

INSERT_ROWS = 500
_WAITING = """
SELECT s.id, s.job_id, s.payload->>'text', s.payload->'questions', s.payload->'heading_path', s.tokens
FROM unnest(%s::uuid[], %s::int[]) WITH ORDINALITY AS asked(job_id, count, place)
CROSS JOIN LATERAL (
    SELECT * FROM ingestion_stagedchunk s WHERE s.job_id = asked.job_id AND s.vector IS NULL
    ORDER BY s.ordinal LIMIT asked.count
) s ORDER BY asked.place, s.ordinal"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A staged chunk without a vector, as the embedder needs it: `text` has the questions that it does not hold."""

    row_id: int
    job_id: UUID
    text: str
    heading_path: tuple[str, ...]
    tokens: int


def stage(job: IngestionJob, prepared: Prepared) -> None:
    """Replace a locked job's staged chunks, and note on it what they were made for; the caller stores the job."""
    sections = {section.ordinal: section for section in prepared.cut.sections}
    rows = (
        StagedChunk(
            job=job,
            ordinal=chunk.ordinal,
            payload=to_payload(chunk, sections[first] if first is not None else None),
            tokens=chunk.tokens,
            digest=digest_of(chunk),
            vector=prepared.vectors.get(chunk.ordinal),
        )
        for chunk, first in section_payloads(prepared)
    )
    job.model = prepared.model
    job.options["chunking"] = prepared.rule.as_json()
    StagedChunk.objects.filter(job=job).delete()
    StagedChunk.objects.bulk_create(rows, batch_size=INSERT_ROWS)


def waiting(counts: Mapping[UUID, int]) -> list[Waiting]:
    """Return the next chunks of some jobs that have no vector, so many of each, in order, in one statement.

    Only what the embedder needs is read.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [list(counts), list(counts.values())])
        rows = cursor.fetchall()
    return [
        Waiting(pk, job, searched_text(text, (), _list(questions)), tuple(_list(path)), tokens)
        for pk, job, text, questions, path, tokens in rows
    ]


def _list(value: str | None) -> list[str]:
    """Return a list of JSON, which raw statements give as text."""
    return json.loads(value) if value else []


def write_vectors(rows: Sequence[Waiting], vectors: Floats) -> None:
    """Store the vectors of a batch in one statement; rows of a job that was settled meanwhile are gone: no effect."""
    packed = [vector.tobytes() for vector in vectors.astype("<f4", copy=False)]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ingestion_stagedchunk AS staged SET vector = new.vector "
            "FROM unnest(%s::bigint[], %s::bytea[]) AS new(id, vector) WHERE staged.id = new.id",
            [[row.row_id for row in rows], packed],
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a job prepared: chunks in order, their vectors of shape (chunks, dimensions), and their sections."""

    drafts: Sequence[ChunkDraft]
    vectors: Floats
    sections: tuple[SectionDraft, ...] = ()


def load(job_id: UUID) -> Loaded:
    """Return a job's chunks with their vectors. Raises ValueError if one lacks."""
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
    sections = tuple(SectionDraft(**_as_section(payload["parent"])) for payload, *_ in rows if payload.get("parent"))
    return Loaded(drafts, vectors.astype(np.float32, copy=False), sections)


def to_payload(draft: ChunkDraft, parent: SectionDraft | None = None) -> dict[str, Any]:
    """Return the draft as JSON; ordinal and tokens have columns of their own. NUL, which JSONB refuses, is dropped.

    `parent` is the section that begins with this chunk: it is kept once, with its first child.
    """
    payload: dict[str, Any] = _cleaned(asdict(replace(draft, boxes=())))
    payload |= {"boxes": [[box.page, box.x0, box.y0, box.x1, box.y1] for box in draft.boxes]}
    return payload | ({"parent": _cleaned(asdict(parent))} if parent else {})


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
        section=payload.get("section"),
        questions=tuple(payload.get("questions", ())),
    )


def _as_section(payload: dict[str, Any]) -> dict[str, Any]:
    return payload | {"heading_path": tuple(payload["heading_path"])}


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _without_nul(value) for key, value in values.items() if key != "tokens"}


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    return [_without_nul(each) for each in value] if isinstance(value, list | tuple) else value
