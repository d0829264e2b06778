"""How fast the search is as libraries grow, what it adds to the bare SQL of its two legs, and what it misses.

100 libraries of Zipf sizes in four teams, made of real text (`corpus`), in a database of their own. "everything" reads
the libraries of the team that owns 94 % of the chunks, "one percent" those of a team with one.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection

from apps.catalog.models import AIModel
from apps.evaluation.bench.corpus import Corpus
from apps.evaluation.bench.database import own_database
from apps.evaluation.bench.loading import Loaded, load
from apps.evaluation.bench.plot import growth_plot
from apps.rag.search import SearchTools, prepare, search
from apps.rag.statements import (
    Query,
    Statement,
    dense_statement,
    exact_dense_statement,
    exact_lexical_statement,
    lexical_statement,
    vector_text,
)
from apps.rag.types import Scope
from apps.runtimes.contracts import Floats

SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
MILLION = {"1m": 1_000_000}
READERS = ("everything", "one percent")
WARM_UP = 80  # questions, none of which is asked again for the times: they fill the caches of a new database
EXACT_SCANS = 5_000_000  # chunks that the exact searches read in all, for each reader
DEPTH = 100
K = 10


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


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of the search and of the bare SQL by question, how much was found, and the share of the best."""

    search: list[float]
    pairs: list[tuple[float, float]]  # search and bare SQL of one question, one right after the other
    least_rows: int
    recall: float
    lexical_recall: float


def search_speed(data: Path | None = None) -> dict[str, Any]:
    """Return the figures for 1,000 to 100,000 chunks."""
    return _figures(data, SIZES)


def search_million(data: Path | None = None) -> dict[str, Any]:
    """Return the figures for a million chunks; takes about an hour and 12 GB of disk."""
    return _figures(data, MILLION)


def _figures(data: Path | None, sizes: dict[str, int]) -> dict[str, Any]:
    """Return the times of both readers by size, recall@10 against exact, and `search_ratio`, search ÷ bare SQL."""
    growth: dict[str, Any] = {}
    for name, chunks in sizes.items():
        with own_database() as model:
            corpus = Corpus(model, data)
            growth[name] = measured(model, corpus, load(model, corpus, chunks)) | {"source": corpus.source}
    largest = growth[max(sizes, key=lambda size: sizes[size])]
    figures: dict[str, Any] = {
        f"search_{figure}": {size: row["everything"][figure] for size, row in growth.items()}
        for figure in largest["everything"]
    }
    for figure in ("p50_ms", "p95_ms", "recall_at_10", "least_rows"):
        figures[f"search_{figure}_one_percent"] = {size: row["one percent"][figure] for size, row in growth.items()}
    figures["search_build"] = {size: row["build"] for size, row in growth.items()}
    figures |= {"search_ratio": largest["everything"]["ratio"], "search_data": largest["source"]}
    return figures | {"search_plot": str(_keep_growth(growth))}


def measured(model: AIModel, corpus: Corpus, loaded: Loaded) -> dict[str, Any]:
    """Return the figures of one size."""
    row: dict[str, Any] = {}
    for reader in READERS:
        speed = _speed(model, corpus, loaded.scopes[reader])
        p50, p95 = _percentiles(speed.search)
        ours, bare = np.transpose(speed.pairs)
        bare_p50, bare_p95 = _percentiles(bare)
        row[reader] = {
            "p50_ms": p50,
            "p95_ms": p95,
            "bare_sql_p50_ms": bare_p50,
            "bare_sql_p95_ms": bare_p95,
            "ratio": round(float(np.median(ours) / np.median(bare)), 3),
            "recall_at_10": round(speed.recall, 4),
            "lexical_recall_at_10": round(speed.lexical_recall, 4),
            "least_rows": speed.least_rows,
        }
    return row | {"chunks": loaded.chunks, "build": {"seconds": loaded.seconds, "bytes": loaded.bytes}}


def _speed(model: AIModel, corpus: Corpus, scope: Scope) -> Speed:
    """Ask every question once for the times; again beside the bare statements, in turn, for the ratio."""
    asked = list(zip(corpus.questions, corpus.question_vectors, strict=True))
    tools = SearchTools(GivenVectors(np.concatenate([corpus.question_vectors, corpus.question_vectors])), model)
    times: list[float] = []
    rows: list[int] = []
    for question, _vector in asked:
        began = time.perf_counter()
        rows.append(len(search(scope, question, k=K, tools=tools).passages))
        times.append((time.perf_counter() - began) * 1000)
    pairs: list[tuple[float, float]] = []
    for place, (question, vector) in enumerate(asked):
        legs = _legs(prepare(scope, question, vector_text(vector), model))
        one, other = partial(_timed, partial(search, scope, question, k=K, tools=tools)), partial(_run_bare, legs)
        pairs.append((one(), other()) if place % 2 else (other(), one())[::-1])
    exact = asked[: max(10, min(len(asked), EXACT_SCANS // max(1, _chunks(scope))))]
    recalls = [_recalls(prepare(scope, question, vector_text(vector), model)) for question, vector in exact]
    dense, lexical = np.mean(recalls, axis=0)
    return Speed(times[WARM_UP:], pairs, min(rows), float(dense), float(lexical))


@contextmanager
def _settings(statements: Sequence[Statement]) -> Iterator[None]:
    wanted = {name: value for statement in statements for name, value in statement.settings.items()}
    with connection.cursor() as cursor:
        for name, value in wanted.items():
            cursor.execute(f"SET {name} = {value}")
        yield
        for name in wanted:
            cursor.execute(f"RESET {name}")


def _legs(query: Query) -> list[Statement]:
    """Return the statements of both legs as one would write them for two lists to fuse: each row's id and score."""
    legs = {"distance": dense_statement(query, DEPTH), "score": lexical_statement(query, DEPTH)}
    return [
        replace(one, sql=f"SELECT id, {score} FROM ({one.sql}) AS leg")  # noqa: S608
        for score, one in legs.items()
        if one is not None
    ]


def _run_bare(legs: Sequence[Statement]) -> float:
    """Run the two statements as a program would that did nothing else; return the milliseconds they took alone."""
    with _settings(legs), connection.cursor() as cursor:
        began = time.perf_counter()
        for statement in legs:
            cursor.execute(statement.sql, statement.params)
            cursor.fetchall()
        return (time.perf_counter() - began) * 1000


def _recalls(query: Query) -> tuple[float, float]:
    """Return which shares of the ten nearest and of the ten best by BM25 the two legs find."""
    pairs = [
        (dense_statement(query, DEPTH), exact_dense_statement(query, K)),
        (lexical_statement(query, DEPTH), exact_lexical_statement(query, K)),
    ]
    shares = []
    for leg, exact in pairs:
        best = _fetched(exact)
        if leg is None or not best:
            shares.append(1.0)
            continue
        worst = best[-1][1] + 1e-6  # equals of the tenth are as good
        among = {row[0] for row in _fetched(leg)[: 2 * K]}
        shares.append(sum(row[0] in among for row in best if row[1] < worst) / len(best))
    return shares[0], shares[1]


def _fetched(statement: Statement) -> list[tuple[Any, ...]]:
    with _settings([statement]), connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.params)
        return list(cursor.fetchall())


def _chunks(scope: Scope) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(chunks) FROM libraries_librarystatistics WHERE library_id = ANY(%s)", [list(scope.library_ids)]
        )
        return int(cursor.fetchone()[0] or 0)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _percentiles(values: Any) -> tuple[float, float]:
    median, high = np.percentile(values, [50, 95])
    return round(float(median), 1), round(float(high), 1)


def _keep_growth(growth: dict[str, Any]) -> Path:
    """Add the sizes to those measured before, and draw all of them; return where the drawing lies."""
    folder = Path(settings.VAR_DIR) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "growth.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    kept.write_text(json.dumps(known | growth, indent=1), encoding="utf-8")
    plot = folder / "growth.svg"
    plot.write_text(growth_plot(known | growth), encoding="utf-8")
    return plot
