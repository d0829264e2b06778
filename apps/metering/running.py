"""Sends the statements of `sql`: planned once for each connection, since planning them costs more than running them."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from apps.metering import sql
from apps.metering.errors import QuotaBusy

LOCK_WAIT_MS = 300  # below PostgreSQL's deadlock_timeout: whoever wants to be alone gives way
LOCK_TRIES = 30
Done = TypeVar("Done")


@contextmanager
def moving() -> Iterator["Statements"]:
    """Open a transaction, or a savepoint of the one there is, for statements that move quota.

    One of its own does not wait for the disk. A crash of the database within the next moment may then forget it, but
    never alone: what is done by a reservation is committed after it, and so is not there either.
    """
    is_own = not connection.in_atomic_block
    with transaction.atomic():
        statements = Statements()
        statements.fetch(sql.HOLD_QUICKLY if is_own else sql.HOLD)
        yield statements


def alone(write: Callable[[], Done]) -> Done:
    """Call `write` in a transaction in which no quota moves; whoever works goes first. Raises QuotaBusy."""
    for _try in range(LOCK_TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_WAIT_MS}ms"])
                cursor.execute(sql.HOLD_ALONE)
                done = write()
                cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
                return done
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            time.sleep(LOCK_WAIT_MS / 2_000)
    raise QuotaBusy


class Statements:
    """Runs prepared statements on Django's connection, inside its transaction."""

    def fetch(self, statement: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        connection.ensure_connection()
        raw = connection.connection
        before, raw.prepare_threshold = raw.prepare_threshold, 0  # Django turns preparing off; it stays off for others
        try:
            with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
                return cursor.execute(statement, values, prepare=True).fetchall()
        finally:
            raw.prepare_threshold = before
