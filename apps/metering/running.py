"""Sends the statements of `sql`: planned once for each connection, since planning them costs more than running them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection, transaction


@contextmanager
def moving() -> Iterator["Statements"]:
    """Open a transaction, or a savepoint of the one there is, for statements that move quota."""
    with transaction.atomic():
        yield Statements()


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
