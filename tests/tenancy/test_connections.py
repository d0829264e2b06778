"""What a connection was told never outlives its work: rollbacks, reuse, pools, threads, cancelled requests."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from typing import Any
from uuid import UUID

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.db import DatabaseError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import path

from apps.core import tenancy
from apps.core.postgres.base import DatabaseWrapper
from apps.libraries.models import Library
from apps.users.models import Team
from kb_project.urls import urlpatterns as product
from tests import factories
from tests.users.signing import signed_in

ALL = "SELECT name FROM libraries_library ORDER BY name"


def names(cursor: Any) -> list[str]:
    cursor.execute(ALL)
    return [row[0] for row in cursor.fetchall()]


def forgetful(request: HttpRequest) -> HttpResponse:
    """Show all libraries there are: the filter is forgotten."""
    return HttpResponse(",".join(Library.objects.order_by("name").values_list("name", flat=True)))


def forgetful_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Do so piece by piece, when the middleware is done."""

    def pieces() -> Iterator[str]:
        for library in Library.objects.order_by("name").iterator():
            yield library.name + ","

    return StreamingHttpResponse(pieces())


urlpatterns = [path("forgetful/", forgetful), path("stream/", forgetful_stream), *product]


@pytest.fixture
def two(role_everywhere: None, t1: Team, t2: Team) -> dict[UUID, str]:
    """Return the name of the one library of each team."""
    made = {team.pk: factories.LibraryFactory(team=team, name=f"of {number}") for number, team in enumerate((t1, t2))}
    return {key: library.name for key, library in made.items()}


def test_it_sees_by_what_was_said_last(two: dict[UUID, str]) -> None:
    first, second = two
    with connection.cursor() as cursor:
        with tenancy.acting_for(first):
            assert names(cursor) == [two[first]]
            with tenancy.acting_for(second):
                assert names(cursor) == [two[second]]
            assert names(cursor) == [two[first]]
        with tenancy.acting_for():
            assert names(cursor) == []
        assert names(cursor) == sorted(two.values())


@pytest.mark.parametrize("inner", [False, True])
def test_it_tells_the_server_again_after_a_rollback(inner: bool, two: dict[UUID, str]) -> None:  # noqa: FBT001
    """A rollback takes the setting back with everything else; what was told inside must not be believed after it."""
    first, second = two

    def fail() -> None:
        with tenancy.acting_for(second), transaction.atomic(), connection.cursor() as cursor:
            assert names(cursor) == [two[second]]
            with tenancy.acting_for(first):
                assert names(cursor) == [two[first]]
                cursor.execute("SELECT 1 / 0")

    with tenancy.acting_for(first):
        if inner:
            with transaction.atomic(), suppress(DatabaseError), connection.cursor() as cursor:
                fail()
            with transaction.atomic():
                with suppress(DatabaseError):
                    fail()
                with connection.cursor() as cursor:
                    assert names(cursor) == [two[first]]
        else:
            with suppress(DatabaseError):
                fail()
        with connection.cursor() as cursor:
            assert names(cursor) == [two[first]]
            with tenancy.acting_for(second):
                assert names(cursor) == [two[second]]


def test_it_copies_under_the_teams_of_the_moment(two: dict[UUID, str]) -> None:
    """COPY goes past Django's wrappers of statements, and is told all the same."""
    first, second = two
    with tenancy.acting_for(first), connection.cursor() as cursor:
        assert names(cursor) == [two[first]]
    with tenancy.acting_for(second), connection.cursor() as cursor, cursor.copy(f"COPY ({ALL}) TO STDOUT") as copy:
        assert [row[0] for row in copy.rows()] == [two[second]]


@pytest.fixture
def pooled(two: dict[UUID, str]) -> Iterator[dict[str, Any]]:
    """Return the settings of a connection from a pool of two, as the web process has one."""
    settings = deepcopy(connections.settings["default"])
    settings["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 2, "timeout": 30}
    settings["CONN_MAX_AGE"] = 0
    yield settings
    DatabaseWrapper(settings, "default").close_pool()


def test_it_believes_nothing_of_a_pooled_connection(pooled: dict[str, Any], two: dict[UUID, str]) -> None:
    first, second = two
    for team in (first, second, first):
        wrapper = DatabaseWrapper(pooled, "default")
        with tenancy.acting_for(team), wrapper.cursor() as cursor:
            assert names(cursor) == [two[team]]
        wrapper.close()


def test_it_never_mixes_teams_that_share_a_pool(pooled: dict[str, Any], two: dict[UUID, str]) -> None:
    """Security case 21, in threads: 600 pieces of work of both teams over two connections, some of which fail."""

    def work(number: int) -> bool:
        team = random.Random(number).choice(list(two))  # noqa: S311
        wrapper = DatabaseWrapper(pooled, "default")
        wrapper.inc_thread_sharing()
        try:
            with tenancy.acting_for(team), wrapper.cursor() as cursor:
                seen = names(cursor)
                if number % 5 == 0:
                    with suppress(DatabaseError):
                        cursor.execute("SELECT 1 / 0")
                return seen == [two[team]] and names(cursor) == [two[team]]
        finally:
            wrapper.close()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(600)))


@pytest.fixture
def people(two: dict[UUID, str], request: pytest.FixtureRequest) -> dict[str, Client]:
    """Return the browsers of alice of t1, bob of t2, and of nobody."""
    return {name: request.getfixturevalue(f"{name}_client") for name in ("alice", "bob", "anonymous", "xen")}


@pytest.mark.parametrize("address", ["/forgetful/", "/stream/"])
def test_it_shows_nothing_of_others_where_a_view_forgets_its_filter(address: str, people: dict[str, Client]) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        shown = {name: body_of(client.get(address)).strip(",") for name, client in people.items()}

    assert shown == {"alice": "of 0", "bob": "of 1", "anonymous": "", "xen": ""}


def body_of(response: Any) -> str:
    return (b"".join(response.streaming_content) if response.streaming else response.content).decode()


def test_it_shows_an_administrator_all_teams_below_system_alone(two: dict[UUID, str], root: Any) -> None:
    client = signed_in(root)
    own = [path("forgetful/", forgetful), path("system/forgetful/", forgetful), *product]

    with override_settings(ROOT_URLCONF=type("Urls", (), {"urlpatterns": own})):
        assert client.get("/forgetful/").content == b""
        answer = client.get("/system/forgetful/")

    assert answer.status_code != 200 or answer.content == b"of 0,of 1"


async def ask(cookie: str, patience: float | None) -> str:
    """Ask as a browser that goes away after `patience` seconds; return what was delivered."""
    scope = {
        "type": "http", "method": "GET", "path": "/forgetful/", "query_string": b"", "http_version": "1.1",
        "headers": [(b"host", b"localhost"), (b"cookie", cookie.encode())], "client": ("127.0.0.1", 1),
        "scheme": "http",
    }  # fmt: skip
    browser = ApplicationCommunicator(ASGIHandler(), scope)
    await browser.send_input({"type": "http.request", "body": b"", "more_body": False})
    if patience is not None:
        await asyncio.sleep(patience)
        await browser.send_input({"type": "http.disconnect"})
    delivered = b""
    await asyncio.wait([browser.future], timeout=30)
    while not browser.output_queue.empty():
        delivered += browser.output_queue.get_nowait().get("body", b"")
    await browser.future
    return delivered.decode()


async def test_it_mixes_no_answers_of_cancelled_requests(people: dict[str, Client]) -> None:
    """Security case 21: requests of both teams interleaved, most of them cancelled at some await."""
    mine = {"alice": "of 0", "bob": "of 1"}
    cookies = {name: f"kb_session={people[name].cookies['kb_session'].value}" for name in mine}
    dice = random.Random(21)  # noqa: S311
    gate = asyncio.Semaphore(8)
    wrong: list[str] = []

    async def once() -> None:
        who = dice.choice(list(mine))
        patience = dice.choice([None, 0.0, dice.random() * 0.05])
        async with gate:
            delivered = await ask(cookies[who], patience)
        if delivered not in ("", mine[who]):
            wrong.append(f"{who}: {delivered}")

    with override_settings(ROOT_URLCONF=__name__):
        await asyncio.gather(*(once() for _ in range(1_000)))

    assert wrong == []
