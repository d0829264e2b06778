"""How fast ingestion embeds, against sentence-transformers alone on the same texts in the same run."""

import hashlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.evaluation.scratch import scratch_library
from apps.ingestion import jobs, pipeline, staging
from apps.ingestion.chunking import default_rule
from apps.ingestion.cutting import Prepared
from apps.ingestion.embedding import NO_TITLE, Runner
from apps.ingestion.jobs import Stage
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.ingestion.strategies import Cut
from apps.libraries.models import Document, DocumentVersion, Library
from apps.libraries.types import Block, ChunkDraft, ParsedDocument, passage_text
from apps.runtimes import registry

ROUNDS = 3  # taken in turn, so that other load of the machine hits both alike
CHUNKS = 128
FOREVER_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Timed:
    """How long something took, and the processor time that this process used for it."""

    wall_s: float
    cpu_s: float


class Clock:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Timed:
        """Return the time since the start."""
        return Timed(time.perf_counter() - self._wall, time.process_time() - self._cpu)


def embed_ratio(chunks: int = CHUNKS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return `embed_ratio` (ingestion's texts per second ÷ the raw library's) and the raw figures behind it."""
    spec = spec_of(default_model(AIModel.Kind.EMBEDDING))
    drafts = _drafts(chunks)
    texts = [passage_text(NO_TITLE, draft.heading_path, draft.text) for draft in drafts]
    raw = _raw(spec)
    raw.encode(texts[:8], batch_size=8)
    registry.embedder(spec).embed_passages(texts[:8])
    times: dict[str, list[Timed]] = {"raw": [], "ingestion": []}
    with scratch_library([]) as scratch:
        for number in range(rounds):
            times["raw"].append(_time_raw(raw, texts))
            times["ingestion"].append(_time_ingestion(scratch.library, drafts, number))
    raw_s, ours_s = (statistics.median(one.wall_s for one in times[name]) for name in ("raw", "ingestion"))
    return {
        "embed_ratio": round(raw_s / ours_s, 3),
        "embed_texts": len(texts),
        "embed_tokens": sum(draft.tokens for draft in drafts),
        "embed_texts_per_s": round(len(texts) / ours_s, 2),
        "raw_texts_per_s": round(len(texts) / raw_s, 2),
        "embed_rounds_s": [round(one.wall_s, 2) for one in times["ingestion"]],
        "raw_rounds_s": [round(one.wall_s, 2) for one in times["raw"]],
        "embed_cpu_s": [round(one.cpu_s, 2) for one in times["ingestion"]],
        "raw_cpu_s": [round(one.cpu_s, 2) for one in times["raw"]],
    }


def _raw(spec: Any) -> Any:
    """Return the library's own model of the same folder, with its own settings."""
    from apps.runtimes.sentence_transformers import open_folder  # noqa: PLC0415 -- loads torch: only when this is measured

    return open_folder(spec)


def _time_raw(raw: Any, texts: Sequence[str]) -> Timed:
    clock = Clock()
    raw.encode(list(texts), prompt_name="passage", normalize_embeddings=True, show_progress_bar=False)
    return clock.read()


def _time_ingestion(library: Library, drafts: Sequence[ChunkDraft], number: int) -> Timed:
    """Time the way from staged chunks to stored vectors, through the loop that the worker runs."""
    job = _job(library, number)
    held = jobs.claim(job.pk, Stage.READ)
    if held is None:
        raise RuntimeError("A worker took the benchmark's job; stop the workers while it is measured.")
    model = default_model(AIModel.Kind.EMBEDDING)
    with transaction.atomic():
        locked = jobs.lock(held)
        staging.stage(locked, Prepared(Cut(tuple(drafts)), default_rule(), model, {}))
        jobs.move(locked, Stage.EMBED, total=len(drafts))
    clock = Clock()
    Runner(lambda _job_id: None, only=frozenset({job.pk})).run(FOREVER_S)
    timed = clock.read()
    if StagedChunk.objects.filter(job=job).exclude(vector=None).count() != len(drafts):
        raise RuntimeError("Not every chunk got its vector.")
    return timed


def _job(library: Library, number: int) -> IngestionJob:
    body = f"benchmark {library.pk} {number}".encode()
    facts = {"sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body)}
    document = Document.objects.create(library=library, name=f"benchmark {number}", **facts)
    version = DocumentVersion(document=document, **facts)
    version.file.save("benchmark", ContentFile(body), save=True)
    return IngestionJob.objects.create(team=library.team, document=document, version=version)


def _drafts(count: int) -> list[ChunkDraft]:
    """Return chunks of this repository's own pages, split as ingestion does, repeated where there are too few."""
    tokenizer = registry.tokenizer(spec_of(default_model(AIModel.Kind.EMBEDDING)))
    pages = [path.read_text() for path in sorted(settings.BASE_DIR.glob("docs/**/*.md"))]
    blocks = tuple(Block(part) for page in pages for part in page.split("\n\n") if part.strip())
    found = pipeline.split_document(ParsedDocument(blocks), NO_TITLE, tokenizer)
    return [
        ChunkDraft(ordinal, found[ordinal % len(found)].text, found[ordinal % len(found)].tokens)
        for ordinal in range(count)
    ]
