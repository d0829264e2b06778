"""By which plan a search reads, and how much of the exact answer it finds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction

from apps.catalog.models import AIModel
from apps.libraries.models import Chunk, Library, LibraryStatistics
from apps.libraries.vectors import drop_vector_index, ensure_vector_index, index_name
from apps.rag import statements
from apps.rag.fetching import rows_of
from apps.rag.search import prepare
from apps.rag.statements import (
    Statement,
    dense_statement,
    hnsw_dense_statement,
    is_exact,
    legs_statement,
    lexical_statement,
    vector_text,
)
from tests.factories import AIModelFactory, LibraryFactory
from tests.rag.corpus import EMBEDDER, bulk, fill, random_vectors, scope_of
from tests.rag.test_search import TEXTS


def explain(statement: Statement) -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        for name, value in statement.settings.items():
            cursor.execute(f"SET LOCAL {name} = {value}")
        cursor.execute("EXPLAIN " + statement.sql, statement.params)
        return "\n".join(row[0] for row in cursor.fetchall())


def run(statement: Statement) -> list[Any]:
    with transaction.atomic():
        return [row[0] for row in rows_of(statement)]


def test_it_scans_small_sets_and_small_shares_exactly() -> None:
    assert is_exact(5_000, 5_000, 100)
    assert not is_exact(20_000, 20_000, 100)
    assert is_exact(15_000, 100_000, 100)
    assert not is_exact(20_000, 100_000, 100)
    assert is_exact(45_000, 1_000_000, 100)
    assert not is_exact(100_000, 100_000_000, 100)


@pytest.mark.django_db
def test_it_reads_candidates_from_the_gin_index() -> None:
    library = LibraryFactory()
    fill(library, [f"{text} {number}" for number in range(40) for text in TEXTS])
    query = prepare(
        scope_of(library), "POWER6 processor", vector_text(EMBEDDER.embed_queries(["x"])[0]), AIModelFactory()
    )

    statement = lexical_statement(query, 10)

    assert statement is not None
    assert "Bitmap Index Scan on chunk_terms" in explain(statement)


@pytest.mark.django_db
def test_it_reads_the_rarest_terms_and_keeps_to_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    library = LibraryFactory()
    fill(library, [f"common word {number}" for number in range(30)] + ["common rare word"])
    query = prepare(scope_of(library), "rare common word", "[]", AIModelFactory())
    monkeypatch.setattr(statements, "CANDIDATE_BUDGET", 10)

    statement = lexical_statement(query, 10)

    assert statement is not None
    assert [each.endswith("rare'") for each in statement.params["wanted"].split("\x1f")] == [True]
    assert len(run(statement)) == 1


@pytest.mark.django_db
def test_it_looks_up_each_row_of_both_legs_by_a_key() -> None:
    """Security case 36 of the faults: the plan of the whole statement, not of parts of it."""
    library = LibraryFactory()
    fill(library, [f"{text} {number}" for number in range(40) for text in TEXTS])
    model = AIModelFactory()
    with connection.cursor() as cursor:  # whatever other tests left of the tables' statistics
        cursor.execute("ANALYZE libraries_chunk, libraries_document, libraries_chunkembedding")
    vector = vector_text(EMBEDDER.embed_queries(["x"])[0])
    query = prepare(scope_of(library), "POWER6 processor", vector, model)

    statement = legs_statement(query, 10)

    assert statement is not None
    plan = explain(statement)
    assert "Bitmap Index Scan on chunk_terms" in plan
    assert "libraries_chunk_pkey" in plan or "chunk_of_library" in plan  # each of them a key: (library, id) begins one
    assert "libraries_chunkembedding e" in plan
    assert not {line for line in plan.splitlines() if "Seq Scan on libraries_chunk" in line}
    assert "Hash Join" not in plan
    assert "Merge Join" not in plan


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", [dense_statement, hnsw_dense_statement])
def test_it_brings_enough_rows_for_a_team_with_one_percent(way: Any) -> None:
    """Security case 36 of the faults: a filtered HNSW scan left to itself returned 0.7 of 10 rows."""
    model = AIModelFactory()
    many, few = LibraryFactory(), LibraryFactory()
    bulk(many, random_vectors(5_940, 1), model)
    vectors = random_vectors(60, 2)
    bulk(few, vectors, model)
    for library, chunks in ((many, 5_940), (few, 60)):
        LibraryStatistics.objects.create(library=library, chunks=chunks)
    assert ensure_vector_index(model)
    query = prepare(scope_of(few), "chunk", vector_text(vectors[7]), model)

    found = run(way(query, 10))
    plan = explain(way(query, 10))
    drop_vector_index(model)

    nearest = np.argsort(-(vectors @ vectors[7]))[:10]
    wanted = list(Chunk.objects.filter(library=few).order_by("ordinal").values_list("pk", flat=True))
    assert len(found) == 10
    assert len(set(found) & {wanted[place] for place in nearest}) >= 9
    assert (index_name(model) in plan) == (way is hnsw_dense_statement)


@pytest.mark.django_db(transaction=True)
def test_it_keeps_its_recall_for_every_size_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares of 80, 16 and 4 % of one index: at least 95 % of the exact ten best, each by the intended plan."""
    model = AIModelFactory()
    sizes = {"big": 6_000, "medium": 1_200, "small": 300}
    libraries = {name: LibraryFactory() for name in sizes}
    vectors = {name: random_vectors(size, seed) for seed, (name, size) in enumerate(sizes.items())}
    for name, library in libraries.items():
        bulk(library, vectors[name], model)
        LibraryStatistics.objects.create(library=library, chunks=sizes[name])
    assert ensure_vector_index(model)
    monkeypatch.setattr(statements, "EXACT_UP_TO", 1_000)
    monkeypatch.setattr(statements, "EXACT_AT_MOST", 1_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE libraries_chunk, libraries_chunkembedding")

    recalls = {name: _recall(libraries[name], vectors[name], model, sum(sizes.values())) for name in sizes}
    plans = {name: explain(_dense(libraries[name], vectors[name][0], model, sum(sizes.values()))) for name in sizes}
    drop_vector_index(model)

    assert recalls["small"] == 1.0
    assert min(recalls.values()) >= 0.95, recalls
    assert index_name(model) in plans["big"]
    assert index_name(model) in plans["medium"]
    assert index_name(model) not in plans["small"]


def _dense(library: Library, vector: Any, model: AIModel, total: int) -> Statement:
    query = prepare(scope_of(library), "chunk", vector_text(vector), model)
    return dense_statement(replace(query, all_chunks=total), 10)


def _recall(library: Library, vectors: Any, model: AIModel, total: int) -> float:
    rng = np.random.default_rng(99)
    hits = 0
    for row in rng.integers(0, len(vectors), 20):
        asked = vectors[row] + rng.normal(size=vectors.shape[1]) * 0.03
        query = prepare(scope_of(library), "chunk", vector_text(asked), model)
        exact = Statement(statements._DENSE_EXACT, query.params | {"depth": 10}, {})
        hits += len(set(run(exact)) & set(run(_dense(library, asked, model, total))))
    return hits / 200


@pytest.mark.django_db(transaction=True)
def test_it_builds_a_vector_index_once_and_repairs_a_broken_one(embedding_model: AIModel) -> None:
    assert ensure_vector_index(embedding_model)
    assert not ensure_vector_index(embedding_model)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [index_name(embedding_model)]
        )

    assert ensure_vector_index(embedding_model)
    assert not ensure_vector_index(embedding_model)
    drop_vector_index(embedding_model)


@pytest.mark.django_db
def test_it_refuses_to_index_vectors_of_too_many_dimensions() -> None:
    with pytest.raises(ValueError, match="4000 dimensions"):
        ensure_vector_index(AIModelFactory(name="huge", dimensions=8_192, is_default=False))
