"""What a request does that waits for somebody else's work."""

from django.db import connection


def let_go() -> None:
    """Give the database connection back to the pool, which is small, before waiting for somebody else's work."""
    if not connection.in_atomic_block:
        connection.close()
