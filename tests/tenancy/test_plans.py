"""The plans of a search as the product's role: behind the wall both legs read their indexes still."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from apps.core import tenancy
from apps.libraries.models import LibraryStatistics
from apps.libraries.vectors import drop_vector_index, ensure_vector_index, index_name
from apps.rag import statements
from apps.rag.fetching import rows_of
from apps.rag.search import prepare
from apps.rag.statements import Query, hnsw_dense_statement, lexical_statement, vector_text
from tests.factories import AIModelFactory, LibraryFactory
from tests.rag.corpus import EMBEDDER, bulk, fill, random_vectors, scope_of
from tests.rag.test_search import TEXTS
from tests.rag.test_search_plans import explain
from tests.tenancy.conftest import as_role


@pytest.fixture
def query(db: None) -> Query:
    """Return a question to a library among those of another team."""
    texts = [f"{text} {number}" for number in range(40) for text in TEXTS]
    fill(LibraryFactory(), texts)
    library = LibraryFactory()
    fill(library, texts)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE libraries_chunk, libraries_document, libraries_library")
    vector = vector_text(EMBEDDER.embed_queries(["x"])[0])
    return prepare(scope_of(library), "POWER6 processor", vector, AIModelFactory())


def test_it_reads_the_index_of_words_behind_the_wall(query: Query) -> None:
    """`@@` is not leakproof by itself: without provisioning each search would read every chunk there is."""
    statement = lexical_statement(query, 10)
    assert statement is not None

    with as_role(), tenancy.acting_for(query.scope.team_id):
        plan = explain(statement)

    assert "Bitmap Index Scan on chunk_terms" in plan
    assert "Seq Scan on libraries_chunk" not in plan
    assert "kb_teams" not in plan.replace("InitPlan", ""), "the function must run once a statement, not once a row"


@pytest.mark.django_db(transaction=True)
def test_it_reads_the_index_of_vectors_behind_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    model = AIModelFactory()
    many, few = LibraryFactory(), LibraryFactory()
    bulk(many, random_vectors(1_900, 1), model)
    vectors = random_vectors(100, 2)
    bulk(few, vectors, model)
    for library, chunks in ((many, 1_900), (few, 100)):
        LibraryStatistics.objects.create(library=library, chunks=chunks)
    assert ensure_vector_index(model)
    monkeypatch.setattr(statements, "EXACT_UP_TO", 10)
    asked = prepare(scope_of(few), "chunk", vector_text(vectors[7]), model)

    with as_role(), tenancy.acting_for(asked.scope.team_id):
        statement = hnsw_dense_statement(replace(asked, all_chunks=2_000), 10)
        plan, found = explain(statement), _rows(statement)
        with tenancy.acting_for():
            hidden = _rows(statement)
    drop_vector_index(model)

    assert index_name(model) in plan
    assert len(found) == 10
    assert hidden == []


def _rows(statement: Any) -> list[Any]:
    return rows_of(statement)
