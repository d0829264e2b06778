"""What a search finds, for whom, and by which plan."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.libraries.models import Chunk, Document, Library, Section
from apps.libraries.types import Box
from apps.rag.options import SearchOptions
from apps.rag.search import search
from apps.rag.types import Scope
from tests.factories import AIModelFactory, LibraryFactory, TeamFactory
from tests.rag.corpus import fill, scope_of, tools

TEXTS = [
    "水在一百摄氏度沸腾，气压低时沸点也低。",
    "The POWER6 processor runs at 4.7 GHz.",
    "五月艾是菊科蒿属的植物，分布于亚洲。",
    "References follow GB/T 7714-2015 in every chapter.",
    "The council meets on the first Monday of a month.",
]


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
        Scope.whole(mine.team_id, (mine.pk, theirs.pk)),  # a library of another team slipped into the scope
        Scope.whole(mine.team_id, (theirs.pk,)),
        Scope.whole(theirs.team_id, (mine.pk,)),
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
    assert search(Scope.whole(uuid4(), ()), "水", k=5, tools=tools()).passages == ()
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
