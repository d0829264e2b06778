"""What a search finds, for whom, and by which plan."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.libraries.models import Chunk, Document, Library, LibraryStatistics, Section
from apps.libraries.types import Box
from apps.libraries.vectors import drop_vector_index, ensure_vector_index, index_name
from apps.rag import search as searching
from apps.rag import statements
from apps.rag.options import SearchOptions
from apps.rag.search import prepare, search
from apps.rag.statements import (
    Statement,
    dense_statement,
    hnsw_dense_statement,
    is_exact,
    legs_statement,
    lexical_statement,
    vector_text,
)
from apps.rag.types import Scope
from tests.factories import AIModelFactory, LibraryFactory, TeamFactory
from tests.rag.corpus import EMBEDDER, bulk, fill, random_vectors, scope_of, tools

TEXTS = [
    "水在一百摄氏度沸腾，气压低时沸点也低。",
    "The POWER6 processor runs at 4.7 GHz.",
    "五月艾是菊科蒿属的植物，分布于亚洲。",
    "References follow GB/T 7714-2015 in every chapter.",
    "The council meets on the first Monday of a month.",
]


def explain(statement: Statement) -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        for name, value in statement.settings.items():
            cursor.execute(f"SET LOCAL {name} = {value}")
        cursor.execute("EXPLAIN " + statement.sql, statement.params)
        return "\n".join(row[0] for row in cursor.fetchall())


def run(statement: Statement) -> list[Any]:
    with transaction.atomic():
        return [row[0] for row in searching._rows(statement)]


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["convex", "rrf"])
@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        pytest.param("水什么时候沸腾？", 0, id="Chinese"),
        pytest.param("What is the speed of the POWER6 processor?", 1, id="English"),
        pytest.param("什麼是五月艾？", 2, id="traditional"),
        pytest.param("gb/t 7714-2015", 3, id="identifier"),
        pytest.param("councils that met on Mondays", 4, id="other forms"),
    ],
)
def test_it_finds_the_passage(question: str, wanted: int, method: Any) -> None:
    library = LibraryFactory()
    chunks = fill(library, TEXTS)

    found = search(scope_of(library), question, k=3, options=SearchOptions(method=method), tools=tools())

    assert found.passages[0].chunk_id == chunks[wanted].pk
    assert found.passages[0].dense_rank is not None
    assert found.passages[0].lexical_rank == 1
    assert [p.score for p in found.passages] == sorted((p.score for p in found.passages), reverse=True)


@pytest.mark.django_db
def test_it_tells_what_it_matched_and_where() -> None:
    library = LibraryFactory()
    fill(library, TEXTS, name="规范.pdf")

    found = search(scope_of(library), "GB/T 7714-2015 规范", k=1, tools=tools())

    (passage,) = found.passages
    assert {"gbt7714-2015", "规范"} <= set(passage.matched_terms)
    assert passage.document_name == "规范.pdf"
    assert passage.bm25 is not None
    assert passage.bm25 > 0
    assert 0 <= found.support <= 1
    assert found.language == "zh"


@pytest.mark.django_db
def test_it_brings_the_place_of_a_passage() -> None:
    library = LibraryFactory()
    (chunk,) = fill(library, TEXTS[:1])
    Chunk.objects.filter(pk=chunk.pk).update(boxes=[[3, 0.1, 0.2, 0.9, 0.4]], page_from=3, heading_path=["物理", "热"])

    (passage,) = search(scope_of(library), "水什么时候沸腾？", k=1, tools=tools()).passages

    assert passage.boxes == (Box(3, 0.1, 0.2, 0.9, 0.4),)
    assert (passage.page_from, passage.heading_path) == (3, ("物理", "热"))


@pytest.mark.django_db
def test_it_finds_by_the_documents_title() -> None:
    library = LibraryFactory()
    fill(library, ["Ten days each year."], name="Unrelated.txt")
    chunks = fill(library, ["Twenty days each year."], name="Vacation policy.txt")

    found = search(scope_of(library), "vacation policy", k=1, tools=tools())

    assert found.passages[0].chunk_id == chunks[0].pk


@pytest.mark.django_db
def test_it_never_shows_another_teams_chunk() -> None:
    mine, theirs = LibraryFactory(), LibraryFactory()
    fill(mine, TEXTS[:2])
    secret = fill(theirs, ["CANARY 水在一百摄氏度沸腾", *TEXTS])
    asked = [
        scope_of(mine),
        Scope(mine.team_id, (mine.pk, theirs.pk)),  # a library of another team slipped into the scope
        Scope(mine.team_id, (theirs.pk,)),
        Scope(theirs.team_id, (mine.pk,)),
    ]

    for scope in asked:
        for question in ("CANARY", "水什么时候沸腾？", "council Monday"):
            found = search(scope, question, k=50, tools=tools())
            assert not {p.chunk_id for p in found.passages} & {chunk.pk for chunk in secret}


@pytest.mark.django_db
def test_it_looks_only_into_the_libraries_it_was_given() -> None:
    team = TeamFactory()
    first, second = LibraryFactory(team=team), LibraryFactory(team=team)
    inside, outside = fill(first, TEXTS), fill(second, TEXTS)

    found = search(scope_of(first), "水什么时候沸腾？", k=50, tools=tools())
    both = search(scope_of(first, second), "水什么时候沸腾？", k=50, tools=tools())

    assert {p.chunk_id for p in found.passages} == {chunk.pk for chunk in inside}
    assert {p.chunk_id for p in both.passages} == {chunk.pk for chunk in inside + outside}


@pytest.mark.django_db
def test_it_hides_deleted_documents_and_libraries_at_once() -> None:
    library = LibraryFactory()
    gone, kept = fill(library, TEXTS), fill(library, TEXTS[:1])
    Document.objects.filter(pk=gone[0].document_id).update(deleted_at=timezone.now())

    found = search(scope_of(library), "水什么时候沸腾？", k=50, tools=tools())
    Library.objects.filter(pk=library.pk).update(deleted_at=timezone.now())
    after = search(scope_of(library), "水什么时候沸腾？", k=50, tools=tools())

    assert [p.chunk_id for p in found.passages] == [kept[0].pk]
    assert after.passages == ()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "question",
    [
        "",
        "   ",
        "\x00",
        "'",
        "\\",
        "' | !(' & \\ :*",
        "%s %(libraries)s {}",
        "？！。",
        "a" * 100_000,
        "水" * 100_000,
        "🙂" * 1000,
        "x'); DROP TABLE libraries_chunk; --",
        "\ud83d",
    ],
)
def test_it_survives_any_question(question: str) -> None:
    library = LibraryFactory()
    fill(library, TEXTS)

    found = search(scope_of(library), question, k=5, tools=tools())

    assert 0 <= found.support <= 1


@pytest.mark.django_db
def test_it_finds_nothing_in_nothing() -> None:
    library = LibraryFactory()

    assert search(scope_of(library), "水", k=5, tools=tools()).passages == ()
    assert search(Scope(uuid4(), ()), "水", k=5, tools=tools()).passages == ()
    assert search(scope_of(library), "水", k=5, tools=tools()).support == 0.0


@pytest.mark.django_db
def test_it_compares_only_vectors_of_its_own_model() -> None:
    other = AIModelFactory(name="other-embedder", is_default=False)
    library = LibraryFactory()
    fill(library, TEXTS[:2], model=other)
    chunks = fill(library, TEXTS[2:4])

    found = search(scope_of(library), "POWER6 processor", k=50, tools=tools())

    with_cosine = {p.chunk_id for p in found.passages if p.cosine is not None}
    assert with_cosine == {chunk.pk for chunk in chunks}
    assert found.passages[0].text == TEXTS[1]  # by its words alone


@pytest.mark.django_db
def test_it_reads_with_a_fixed_number_of_queries(django_assert_num_queries: Any) -> None:
    library = LibraryFactory()
    fill(library, TEXTS)
    ready = tools()

    with django_assert_num_queries(4):  # words; how much there is and how rare; both legs; passages
        search(scope_of(library), "水什么时候沸腾？", k=5, tools=ready)


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
    vector = vector_text(EMBEDDER.embed_queries(["x"])[0])
    query = prepare(scope_of(library), "POWER6 processor", vector, model)

    statement = legs_statement(query, 10)

    assert statement is not None
    plan = explain(statement)
    assert "Bitmap Index Scan on chunk_terms" in plan
    assert "Index Scan using libraries_chunk_pkey" in plan
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


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("of_document", "of_chunk", "is_found"),
    [
        pytest.param({}, {}, True, id="nothing special"),
        pytest.param({"is_enabled": False}, {}, False, id="disabled document"),
        pytest.param({}, {"is_enabled": False}, False, id="disabled chunk"),
        pytest.param({"valid_from": 1}, {}, False, id="not valid yet"),
        pytest.param({"valid_until": -1}, {}, False, id="expired yesterday"),
        pytest.param({"valid_from": 0, "valid_until": 0}, {}, True, id="valid today only"),
    ],
)
def test_it_finds_only_what_is_enabled_and_valid_today(
    of_document: dict[str, Any], of_chunk: dict[str, Any], is_found: Any
) -> None:
    library = LibraryFactory()
    (chunk,) = fill(library, TEXTS[:1])
    today = timezone.localdate()
    days = {name: today + timedelta(days=value) for name, value in of_document.items() if name.startswith("valid")}
    Document.objects.filter(pk=chunk.document_id).update(**(of_document | days))
    Chunk.objects.filter(pk=chunk.pk).update(**({"text": chunk.text} | of_chunk))

    found = search(scope_of(library), "水什么时候沸腾？", k=5, tools=tools())

    assert bool(found.passages) == is_found


@pytest.mark.django_db
def test_it_brings_the_section_that_is_read_in_place_of_a_chunk() -> None:
    library = LibraryFactory()
    (chunk, _other) = fill(library, TEXTS[:2])
    section = Section.objects.create(
        document=chunk.document, version=chunk.version, ordinal=0, text=f"Before. {chunk.text} After.", char_to=40
    )
    Chunk.objects.filter(pk=chunk.pk).update(section=section)

    passages = search(scope_of(library), "水什么时候沸腾？", k=2, tools=tools()).passages

    assert passages[0].text == chunk.text
    assert passages[0].reading == section.text
    assert passages[0].section is not None
    assert (passages[0].section.section_id, passages[0].section.char_to) == (section.pk, 40)
    assert passages[1].reading == passages[1].text
