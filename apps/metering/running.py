"""Sends the statements of `sql`: planned once for each connection, since planning them costs more than running them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection, transaction

from apps.metering import sql


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
