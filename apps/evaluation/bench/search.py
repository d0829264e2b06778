"""How fast the search is over synthetic libraries of 10,000 and 100,000 chunks, and what it adds to bare SQL."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import numpy as np
from django.core.files.base import ContentFile
from django.db import connection, transaction

from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.evaluation.scratch import Scratch, scratch_library
from apps.libraries.lexical_store import index_chunks
from apps.libraries.models import Chunk, ChunkEmbedding, Document, DocumentVersion
from apps.libraries.vectors import ensure_vector_index
from apps.rag.search import SearchTools, search
from apps.rag.statements import vector_text
from apps.runtimes.contracts import Floats

SIZES = {"10k": 10_000, "100k": 100_000}
QUESTIONS = 60
WORDS_PER_CHUNK = 120  # Han words of two characters: about 240 characters, a usual chunk in Chinese
VOCABULARY = 30_000
BATCH = 2_000
K = 10
_RAW = """
SELECT e.chunk_id FROM libraries_chunkembedding e WHERE e.model_id = %s AND e.library_id = %s
ORDER BY e.vector::halfvec({dimensions}) <=> %s::halfvec({dimensions}) LIMIT 100
"""


class GivenVectors:
    """An embedder that hands out the vectors it was given: what is measured is the search, not the model."""

    name = "given"
    max_tokens = 512

    def __init__(self, vectors: Floats) -> None:
        self.dimensions = vectors.shape[1]
        self._vectors = iter(vectors)

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return the next vector, for the one text."""
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Return the next vector, for the one text."""
        return np.stack([next(self._vectors) for _ in texts])


class Corpus:
    """Texts of words drawn as in real text (Zipf), and vectors in clusters, the same in every run."""

    def __init__(self, dimensions: int) -> None:
        self._rng = np.random.default_rng(7)
        self._dimensions = dimensions
        first, second = self._rng.integers(0x4E00, 0x8E00, (2, VOCABULARY))
        self._words = np.array([chr(one) + chr(two) for one, two in zip(first, second, strict=True)])
        self._centres = self._rng.normal(size=(400, dimensions))

    def texts(self, count: int, words: int = WORDS_PER_CHUNK) -> list[str]:
        """Return texts of so many words."""
        ranks = np.minimum(self._rng.zipf(1.25, (count, words)) - 1, VOCABULARY - 1)
        return ["".join(row) for row in self._words[ranks]]

    def questions(self, count: int) -> list[str]:
        """Return questions of six words, as rare as those people ask about."""
        return ["".join(row) for row in self._words[self._rng.integers(50, VOCABULARY // 3, (count, 6))]]

    def vectors(self, count: int) -> Floats:
        """Return unit vectors around the centres."""
        near = self._centres[self._rng.integers(0, len(self._centres), count)]
        rows = near + self._rng.normal(size=(count, self._dimensions))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def search_speed(sizes: Sequence[str] = tuple(SIZES)) -> dict[str, Any]:
    """Return `search_p50_ms` and `search_p95_ms` by size, and `search_ratio`: bare vector SQL ÷ the search, medians."""
    model = default_model(AIModel.Kind.EMBEDDING)
    figures: dict[str, Any] = {"search_p50_ms": {}, "search_p95_ms": {}, "raw_sql_p50_ms": {}}
    for size in sizes:
        with scratch_library([]) as scratch:
            corpus = Corpus(model.dimensions or 0)
            _fill(scratch, model, corpus, SIZES[size])
            ensure_vector_index(model)
            ours, raw = _measure(scratch, model, corpus)
        figures["search_p50_ms"][size], figures["search_p95_ms"][size] = _percentiles(ours)
        figures["raw_sql_p50_ms"][size] = _percentiles(raw)[0]
    largest = sizes[-1]
    figures["search_ratio"] = round(figures["raw_sql_p50_ms"][largest] / figures["search_p50_ms"][largest], 3)
    return figures


def _fill(scratch: Scratch, model: AIModel, corpus: Corpus, count: int) -> None:
    for start in range(0, count, BATCH):
        with transaction.atomic():
            _fill_document(scratch, model, corpus, min(BATCH, count - start))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE libraries_chunk, libraries_chunkembedding, libraries_termstatistics")


def _fill_document(scratch: Scratch, model: AIModel, corpus: Corpus, count: int) -> None:
    document = Document.objects.create(
        library=scratch.library, name="synthetic", sha256=uuid4().hex, status=Document.Status.READY
    )
    version = DocumentVersion(document=document, sha256=document.sha256, chunk_count=count)
    version.file.save("synthetic", ContentFile(b"synthetic"), save=True)
    Document.objects.filter(pk=document.pk).update(current_version=version)
    chunks = [
        Chunk(team=scratch.team, library=scratch.library, document=document, version=version, ordinal=place, text=text)
        for place, text in enumerate(corpus.texts(count))
    ]
    index_chunks(scratch.library.pk, chunks, title="")
    Chunk.objects.bulk_create(chunks, batch_size=500)
    ChunkEmbedding.objects.bulk_create(
        (
            ChunkEmbedding(chunk=chunk, model=model, library=scratch.library, vector=vector)
            for chunk, vector in zip(chunks, corpus.vectors(count), strict=True)
        ),
        batch_size=500,
    )


def _measure(scratch: Scratch, model: AIModel, corpus: Corpus) -> tuple[list[float], list[float]]:
    """Time the search and the bare statement in turn, so that other load of the machine hits both alike."""
    questions, vectors = corpus.questions(QUESTIONS), corpus.vectors(QUESTIONS)
    tools = SearchTools(GivenVectors(vectors), model)
    ours: list[float] = []
    raw: list[float] = []
    for question, vector in zip(questions, vectors, strict=True):
        ours.append(_timed(partial(search, scratch.scope, question, k=K, tools=tools)))
        raw.append(_timed(partial(_bare, scratch, model, vector_text(vector))))
    return ours[5:], raw[5:]  # the first ones fill the caches


def _bare(scratch: Scratch, model: AIModel, vector: str) -> None:
    """Run the nearest-neighbour statement that a hand-written application would send."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL hnsw.ef_search = 100")
        cursor.execute(_RAW.format(dimensions=model.dimensions), [model.pk, scratch.library.pk, vector])
        cursor.fetchall()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    median, high = np.percentile(values, [50, 95])
    return round(float(median), 1), round(float(high), 1)
