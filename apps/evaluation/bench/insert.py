"""What storing 1,000 chunks costs beside the bare INSERT of their vectors, in a library of 100,000 chunks."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from django.db import connection, transaction

from apps.catalog.models import AIModel
from apps.evaluation.bench.corpus import Corpus, Drawn
from apps.evaluation.bench.database import own_database
from apps.evaluation.bench.loading import load
from apps.libraries.lexical import analyse
from apps.libraries.models import Chunk, Document, DocumentVersion, Library
from apps.libraries.services import store_version
from apps.libraries.types import ChunkDraft
from apps.rag.statements import vector_text
from apps.runtimes.contracts import Floats

STORED = 100_000
ADDED = 1_000
ROUNDS = 5  # taken in turn, so that other load of the machine hits both alike
ROWS = 500  # per INSERT
_INSERT = "INSERT INTO libraries_chunkembedding (chunk_id, model_id, library_id, vector) VALUES "


def insert_ratio(data: Path | None = None) -> dict[str, Any]:
    """Return `insert_ratio`, medians of the seconds for 1,000 chunks: `store_version` ÷ the INSERT of the vectors.

    The analysis of the text, which needs no database, is counted apart.
    """
    with own_database() as model:
        corpus = Corpus(model, data)
        load(model, corpus, STORED, libraries=1)
        return measured(model, corpus, Library.objects.get())


def measured(model: AIModel, corpus: Corpus, library: Library) -> dict[str, Any]:
    """Return the figures for a library that stands."""
    whole: list[float] = []
    analysis: list[float] = []
    bare: list[float] = []
    for drawn in corpus.draw(2 * ROUNDS * ADDED, seed=uuid4().int % 2**32, at_once=2 * ADDED):
        first, second = _halves(drawn)
        texts = [corpus.text(sentences) for sentences in first.sentences]
        for text in texts:  # fills the caches of words: what is stored below is analysed as quickly
            analyse(text)
        analysis.append(_seconds(lambda texts=texts: [analyse(text) for text in texts]))
        whole.append(_stored(model, library, texts, first.vectors))
        bare.append(_inserted(model, library, second.vectors))
    stored = float(np.median(whole) - np.median(analysis))
    return {
        "insert_ratio": round(stored / float(np.median(bare)), 3),
        "insert_store_s": round(stored, 3),
        "insert_bare_s": round(float(np.median(bare)), 3),
        "insert_analysis_s": round(float(np.median(analysis)), 3),
        "insert_rounds": [round(one, 2) for one in whole],
        "insert_bare_rounds": [round(one, 2) for one in bare],
    }


def _halves(drawn: Drawn) -> tuple[Drawn, Drawn]:
    middle = len(drawn.sentences) // 2
    return (
        Drawn(drawn.sentences[:middle], drawn.vectors[:middle]),
        Drawn(drawn.sentences[middle:], drawn.vectors[middle:]),
    )


def _version(library: Library) -> DocumentVersion:
    document = Document.objects.create(library=library, name="added.txt", sha256=uuid4().hex, status="ready")
    return DocumentVersion.objects.create(document=document, sha256=document.sha256)


def _stored(model: AIModel, library: Library, texts: Sequence[str], vectors: Floats) -> float:
    version = _version(library)
    drafts = [ChunkDraft(ordinal, text, tokens=300) for ordinal, text in enumerate(texts)]
    return _seconds(lambda: store_version(version=version, drafts=drafts, vectors=vectors, model=model, blocks=None))


def _inserted(model: AIModel, library: Library, vectors: Floats) -> float:
    """Return the seconds that the vectors alone take; the rows that they belong to are there already."""
    version = _version(library)
    chunks = [
        Chunk(team_id=library.team_id, library=library, document=version.document, version=version, ordinal=place)
        for place in range(len(vectors))
    ]
    Chunk.objects.bulk_create(chunks)
    rows = [
        f"('{chunk.pk}', '{model.pk}', '{library.pk}', '{vector_text(vector)}')"
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]
    statements = [_INSERT + ",".join(rows[start : start + ROWS]) for start in range(0, len(rows), ROWS)]
    return _seconds(lambda: _run(statements))


@transaction.atomic
def _run(statements: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
