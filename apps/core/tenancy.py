"""The second wall: for which teams this code works, told to PostgreSQL, whose policies show no other team's rows.

The first wall is the filter of each query; what it forgets, row-level security answers with no rows. Who works for whom
is a context variable: a request begins with no team at all, then gets the person's teams; a worker or a command sees
everything unless it narrows itself to the team whose work it does. `core.postgres` hands the value to each connection
before a statement, as the setting `kb.teams`; the policies are in the migrations, built by `walled`. See docs/adr/0031.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import migrations

NOBODY = ""
EVERYTHING = "*"
T = TypeVar("T")
_teams: ContextVar[str | None] = ContextVar("teams", default=None)

# Conditions of policies. The functions (core.0002) stand in sub-selects, so that they run once a statement. They give
# NULL where everything is seen: comparing with it is neither true nor false.
BY_TEAM = "coalesce(team_id = ANY ((SELECT kb_teams())::uuid[]), true)"
BY_LIBRARY = "coalesce(library_id IN (SELECT kb_libraries()), true)"


def current() -> str:
    """Return what `kb.teams` is to be: ids separated by commas, `*`, or nothing.

    Where nothing was said, the web process sees nothing, any other process everything.
    """
    said = _teams.get()
    if said is not None:
        return said
    return NOBODY if settings.ENV.process == "web" else EVERYTHING


def value_of(teams: Iterable[UUID]) -> str:
    """Return the setting for these teams."""
    return ",".join(sorted(map(str, teams)))


@contextmanager
def acting_for(*teams: UUID) -> Iterator[None]:
    """Work for these teams alone; without any, for nobody."""
    with _as(value_of(teams)):
        yield


@contextmanager
def everything(reason: str) -> Iterator[None]:
    """Work across all teams, for the reason given: what the installation itself needs to know."""
    assert reason
    with _as(EVERYTHING):
        yield


@contextmanager
def _as(value: str) -> Iterator[None]:
    token = _teams.set(value)
    try:
        yield
    finally:
        _teams.reset(token)


def work_for(teams: Iterable[UUID]) -> None:
    """Work for these teams from now on, until the task under way ends: for a socket, whose rights change."""
    _teams.set(value_of(teams))


def kept(pieces: Iterable[T]) -> Iterator[T]:
    """Return what a response streams, seeing what the view saw: the pieces are made when its middleware is done."""
    return _kept(current(), iter(pieces))


def _kept(value: str, pieces: Iterator[T]) -> Iterator[T]:
    while True:
        with _as(value):
            try:
                piece = next(pieces)
            except StopIteration:
                return
        yield piece


def kept_async(pieces: AsyncIterator[T]) -> AsyncIterator[T]:
    """Do as `kept` does for a stream that waits."""
    return _kept_async(current(), pieces)


async def _kept_async(value: str, pieces: AsyncIterator[T]) -> AsyncIterator[T]:
    while True:
        with _as(value):
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return
        yield piece


def by_parent(table: str, column: str) -> str:
    """Return the condition of rows that are seen with the row above them, which has a policy of its own."""
    return f"(SELECT kb_teams()) IS NULL OR EXISTS (SELECT 1 FROM {table} up WHERE up.id = {column})"  # noqa: S608


def walled(table: str, condition: str) -> migrations.RunSQL:
    """Return the operation that puts a table behind the wall, its owner included."""
    return migrations.RunSQL(
        f"CREATE POLICY wall ON {table} USING ({condition});"
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
        f"DROP POLICY wall ON {table}",
    )
