"""A search finds what the asker may read, in every statement and by every plan (security cases 1, 3, 20)."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection

from apps.catalog.models import AIModel
from apps.libraries import sharing
from apps.libraries.models import Chunk, Document, Level, Library
from apps.libraries.sharing import Spot
from apps.rag import statements
from apps.rag.fetching import rows_of
from apps.rag.lookup import look
from apps.rag.options import Filters, SearchOptions
from apps.rag.scoping import common, scope_for
from apps.rag.search import narrowed, prepare, search
from apps.rag.statements import dense_statement, exact_dense_statement, legs_statement, vector_text
from apps.rag.types import Scope
from apps.users.models import Role, User
from tests.factories import AIModelFactory, LibraryFactory, MembershipFactory
from tests.rag.corpus import EMBEDDER, bulk, fill, random_vectors, tools
from tests.rag.test_search_plans import explain

pytestmark = pytest.mark.django_db
QUESTIONS = ("CANARY secret", "salaries of the board", "salaries", "open hours")


@pytest.fixture
def library() -> Library:
    """Return a library with an open and a restricted document."""
    found: Library = LibraryFactory()
    owner = MembershipFactory(team=found.team, role=Role.OWNER).user
    fill(found, ["open hours of the library", "salaries are paid on Mondays"], name="open.txt")
    secret = fill(found, ["CANARY secret salaries of the board", "CANARY more of the board"], name="secret.txt")
    document = Document.objects.get(pk=secret[0].document_id)
    sharing.restrict(user=owner, spot=Spot(found, document=document), is_restricted=True)
    return found


@pytest.fixture
def viewer(library: Library) -> User:
    """Return a member who may not read the restricted document."""
    return MembershipFactory(team=library.team, role=Role.VIEWER).user


def found_by(user: User, library: Library, question: str, options: SearchOptions | None = None) -> set[str]:
    scope = scope_for(user, library.team_id, [library.pk])
    found = search(scope, question, k=20, options=options, tools=tools())
    return {passage.document_name for passage in found.passages}


def owner_of(library: Library) -> User:
    return library.team.memberships.get(role=Role.OWNER).user


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("legs", ["both", "dense", "lexical"])
def test_it_never_finds_what_is_not_shared_case_1(library: Library, viewer: User, question: str, legs: str) -> None:
    options = replace(SearchOptions(), legs=legs)
    assert "secret.txt" not in found_by(viewer, library, question, options)
    assert "secret.txt" not in found_by(
        viewer, library, question, replace(options, filters=Filters(places=("secret",)))
    )


def test_it_finds_it_again_as_soon_as_it_is_shared_and_no_longer_when_that_ends_case_20(
    library: Library, viewer: User
) -> None:
    spot = Spot(library, document=Document.objects.get(name="secret.txt"))
    owner = owner_of(library)
    assert found_by(owner, library, "CANARY secret") == {"open.txt", "secret.txt"}
    sharing.grant(user=owner, spot=spot, to=viewer, level=Level.READ)
    assert "secret.txt" in found_by(viewer, library, "CANARY secret")
    sharing.revoke(user=owner, spot=spot, to=viewer)
    assert "secret.txt" not in found_by(viewer, library, "CANARY secret")


def test_it_searches_nothing_for_strangers_ex_members_and_suspended_ones_case_3(library: Library) -> None:
    stranger = MembershipFactory().user
    former = MembershipFactory(team=library.team, role=Role.ADMIN).user
    former.memberships.all().delete()
    suspended = MembershipFactory(team=library.team, role=Role.ADMIN).user
    User.objects.filter(pk=suspended.pk).update(is_active=False)
    for user in (stranger, former, suspended):
        assert scope_for(user, library.team_id, [library.pk]) == Scope(library.team_id, (), ())
        assert found_by(user, library, "open hours") == set()


def test_it_searches_only_what_both_people_may_read(library: Library, viewer: User) -> None:
    both = common(*(scope_for(user, library.team_id, [library.pk]) for user in (owner_of(library), viewer)))
    found = search(both, "CANARY secret", k=20, tools=tools())
    assert {passage.document_name for passage in found.passages} == {"open.txt"}


def test_it_answers_by_an_editor_only_where_the_library_itself_is_shared(library: Library, viewer: User) -> None:
    owner = owner_of(library)
    document = Document.objects.get(name="open.txt")
    sharing.grant(user=owner, spot=Spot(library, document=document), to=viewer, level=Level.READ)
    sharing.restrict(user=owner, spot=Spot(library), is_restricted=True)
    scope = scope_for(viewer, library.team_id, [library.pk])
    assert scope.library_ids == (library.pk,)
    assert scope.shared == ()
    assert look(scope, tools(), "open hours").curated is None
    assert found_by(viewer, library, "CANARY open hours") == {"open.txt"}


def _texts() -> Iterator[tuple[str, str]]:
    for name, value in vars(statements).items():
        if isinstance(value, str) and "libraries_chunk c" in value and "libraries_document d" in value:
            yield name, value


def test_every_statement_that_brings_chunks_asks_about_rights() -> None:
    """A statement of `rag.statements` that joins chunks with documents has the place of the condition."""
    texts = dict(_texts())
    assert len(texts) >= 4
    for name, text in texts.items():
        assert statements._NARROW in text, name
    scope = Scope(LibraryFactory().team_id, (), ())
    query = statements.Query(scope, 0, "[]", AIModel(), {}, ())
    for text in texts.values():
        sql = query.narrow(text)
        assert len(re.findall(r"coalesce\(d\.place_id, d\.library_id\) = ANY", sql)) == text.count(statements._NARROW)


def test_it_reads_the_same_plan_for_who_may_read_everything(library: Library) -> None:
    """The condition costs no other plan: it is asked of rows that are read anyway."""
    model = AIModelFactory()
    vector = vector_text(EMBEDDER.embed_queries(["x"])[0])
    fill(library, [f"salaries number {number}" for number in range(200)], name="more.txt")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE libraries_chunk, libraries_document, libraries_chunkembedding, libraries_place")
    mine = scope_for(owner_of(library), library.team_id, [library.pk])
    plans = []
    for scope in (Scope.whole(library.team_id, (library.pk,)), mine):
        statement = legs_statement(prepare(scope, "salaries of the board", vector, model), 10)
        assert statement is not None
        plans.append(_shape(explain(statement)))
    assert not mine.is_partial
    assert plans[0] == plans[1]


def _shape(plan: str) -> list[str]:
    lines = [line.split("(cost")[0].strip() for line in plan.splitlines() if "(cost" in line]
    return [line for line in lines if line]


@pytest.mark.django_db(transaction=True)
def test_it_finds_all_for_who_may_read_one_percent_of_a_library() -> None:
    """Recall against the exact scan: the index would give up long before forty of one in a hundred."""
    model = AIModelFactory()
    library = LibraryFactory()
    owner = MembershipFactory(team=library.team, role=Role.OWNER).user
    viewer = MembershipFactory(team=library.team, role=Role.VIEWER).user
    bulk(library, random_vectors(5_940, 1), model)
    bulk(library, random_vectors(60, 2), model)
    for document in Document.objects.filter(library=library):
        count = Chunk.objects.filter(document=document).count()
        document.current_version.chunk_count = count
        document.current_version.save()
        if count > 100:
            sharing.restrict(user=owner, spot=Spot(library, document=document), is_restricted=True)
    for question in random_vectors(5, 3):
        query = prepare(scope_for(viewer, library.team_id, [library.pk]), "x", vector_text(question), model)
        query = narrowed(replace(query, chunks=6_000), Filters())
        got = [row[0] for row in rows_of(dense_statement(query, 40))]
        exact = [row[0] for row in rows_of(exact_dense_statement(query, 40))]
        assert len(got) == 40
        assert got == exact
