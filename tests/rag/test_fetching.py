"""Two statements of a search at once, on two connections."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.db import connection, transaction

from apps.core.tenancy import acting_for
from apps.rag import search as searching
from apps.rag.fetching import close_helpers, fetch, rows_of, rows_of_both
from apps.rag.search import search
from apps.rag.statements import Statement
from tests.factories import LibraryFactory
from tests.rag.corpus import fill, scope_of, tools

TEXTS = [
    "水在一百摄氏度沸腾，气压低时沸点也低。",
    "The POWER6 processor runs at 4.7 GHz.",
    "The council meets on the first Monday of a month.",
]
WHO = Statement("SELECT pg_backend_pid(), current_setting('hnsw.ef_search')", {}, {"hnsw.ef_search": 77})


@pytest.fixture(autouse=True)
def own_helpers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep connections as a worker does, and leave none behind."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    close_helpers()
    yield
    close_helpers()


def backend() -> int:
    ((process, _setting),) = rows_of(WHO)
    return int(process)


@pytest.mark.django_db(transaction=True)
def test_it_runs_two_statements_on_two_connections_with_their_settings() -> None:
    (here,), (there,) = rows_of_both(WHO, WHO)

    assert here[0] == backend() != there[0]
    assert here[1] == there[1] == "77"
    assert rows_of_both(WHO, WHO)[1][0][0] == there[0]  # the connection is kept
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('hnsw.ef_search', true)")
        assert cursor.fetchone()[0] != "77"


@pytest.mark.django_db(transaction=True)
def test_it_keeps_to_its_own_connection_inside_a_transaction() -> None:
    with transaction.atomic():
        (here,), (there,) = rows_of_both(WHO, WHO)
        ((after,),) = rows_of(Statement("SELECT current_setting('hnsw.ef_search')", {}, {}))

    assert here[0] == there[0]
    assert after != "77"


@pytest.mark.django_db(transaction=True)
def test_it_keeps_to_its_own_connection_where_none_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)

    (here,), (there,) = rows_of_both(WHO, WHO)

    assert here[0] == there[0]


@pytest.mark.django_db(transaction=True)
def test_it_gives_the_rows_though_the_second_connection_is_cut_in_the_middle() -> None:
    cut = Statement(
        "SELECT pid <> pg_backend_pid() OR pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        " AND pid <> %(own)s UNION ALL SELECT true",
        {"own": backend()},
        {},
    )

    assert rows_of_both(WHO, cut)[1] == [(True,)]
    assert rows_of_both(WHO, WHO)[1][0][0] != backend()  # and it is opened again


@pytest.mark.django_db(transaction=True)
def test_it_works_for_the_same_teams_on_both_connections() -> None:
    """The wall between teams (core.tenancy) follows a context variable, which a thread does not inherit by itself."""
    team = uuid4()
    told = Statement("SELECT current_setting('kb.teams', true)", {}, {})

    with acting_for(team):
        narrow = rows_of_both(told, told)
    wide = rows_of_both(told, told)

    assert narrow[0] == narrow[1] == [(str(team),)]
    assert wide[0] == wide[1] != narrow[0]


@pytest.mark.django_db(transaction=True)
def test_it_finds_the_same_by_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    library = LibraryFactory()
    fill(library, TEXTS)
    ready = tools()
    questions = ["水什么时候沸腾？", "How fast is the POWER6 processor?", "zzz"]
    one_by_one = [search(scope_of(library), each, k=3, tools=ready).passages for each in questions]
    monkeypatch.setattr(searching, "BESIDE_FROM", 0)

    at_once = [search(scope_of(library), each, k=3, tools=ready).passages for each in questions]

    assert at_once == one_by_one
    assert all(one_by_one)


@pytest.mark.django_db
def test_it_sends_several_statements_in_one_message() -> None:
    one, other = Statement("SELECT %(a)s::int", {"a": 1}, {}), Statement("SELECT %(b)s::int", {"b": 2}, {"jit": "off"})

    assert fetch(one, other) == [[(1,)], [(2,)]]
