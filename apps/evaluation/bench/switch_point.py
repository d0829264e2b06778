"""From how many readable chunks on the vector index is the better way: the curve behind `statements.is_exact`."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection

from apps.catalog.models import AIModel
from apps.evaluation.bench.corpus import Corpus
from apps.evaluation.bench.database import own_database
from apps.evaluation.bench.loading import Loaded, load
from apps.rag.search import prepare
from apps.rag.statements import Query, Statement, exact_dense_statement, hnsw_dense_statement, is_exact, vector_text
from apps.rag.types import Scope

CHUNKS = 100_000
SHARES = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 1.0)
QUESTIONS = 24
DEPTH = 100
K = 10


def switch_point(data: Path | None = None) -> dict[str, Any]:
    """Return `switch_point`: for readers of a growing share the milliseconds of both ways, and the index's recall@10.

    KB_BENCH_CHUNKS in the environment asks for another size than 100,000 chunks.
    """
    with own_database() as model:
        corpus = Corpus(model, data)
        loaded = load(model, corpus, int(os.environ.get("KB_BENCH_CHUNKS", CHUNKS)))
        return {"switch_point": curve(model, corpus, loaded)}


def curve(model: AIModel, corpus: Corpus, loaded: Loaded) -> list[dict[str, Any]]:
    """Return a row for each share of all chunks: both ways in turn, and which one `is_exact` would take."""
    rows = []
    for scope in _scopes(loaded):
        asked = zip(corpus.questions[:QUESTIONS], corpus.question_vectors, strict=False)
        queries = [prepare(scope, question, vector_text(vector), model) for question, vector in asked]
        rows.append(_row(queries, loaded))
    return rows


def _row(queries: Sequence[Query], loaded: Loaded) -> dict[str, Any]:
    exact_ms: list[float] = []
    index_ms: list[float] = []
    recalls: list[float] = []
    rows: list[int] = []
    for query in queries:
        exact_time, best = _timed(exact_dense_statement(query, DEPTH))
        index_time, found = _timed(hnsw_dense_statement(query, DEPTH))
        exact_ms.append(exact_time)
        index_ms.append(index_time)
        recalls.append(len(set(best[:K]) & set(found[: 2 * K])) / K)
        rows.append(len(found))
    chunks = queries[0].chunks
    return {
        "chunks": chunks,
        "share": round(chunks / loaded.chunks, 4),
        "exact_p50_ms": round(median(exact_ms), 1),
        "index_p50_ms": round(median(index_ms), 1),
        "index_recall_at_10": round(sum(recalls) / len(recalls), 3),
        "index_least_rows": min(rows),
        "takes": "exact" if is_exact(chunks, loaded.chunks, DEPTH) else "index",
    }


def _scopes(loaded: Loaded) -> list[Scope]:
    """Return scopes inside the largest team: the smallest libraries that together reach each share."""
    team = loaded.scopes["everything"]
    by_size = sorted(team.library_ids, key=lambda library: loaded.sizes[library])
    scopes = []
    for share in SHARES:
        chosen, chunks = [], 0
        for library in by_size:
            if chunks >= share * loaded.chunks:
                break
            chosen.append(library)
            chunks += loaded.sizes[library]
        scopes.append(Scope.whole(team.team_id, tuple(chosen)))
    return scopes


def _timed(statement: Statement) -> tuple[float, list[Any]]:
    """Return the milliseconds of a statement that was run once before, and the chunks that it found."""
    with connection.cursor() as cursor:
        for name, value in statement.settings.items():
            cursor.execute(f"SET {name} = {value}")
        cursor.execute(statement.sql, statement.params)
        began = time.perf_counter()
        cursor.execute(statement.sql, statement.params)
        found = [row[0] for row in cursor.fetchall()]
        taken = (time.perf_counter() - began) * 1000
        for name in statement.settings:
            cursor.execute(f"RESET {name}")
    return taken, found
