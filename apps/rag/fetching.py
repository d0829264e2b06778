"""How the statements of a search go to the server: several in one message, or two at once on two connections.

A leg of a search keeps one processor of the server busy. Where another one is free, both legs take as long as the
slower of them: the second statement goes out from a thread of its own on a connection that is kept for that
(docs/adr/0023). Not inside a transaction, which another connection cannot see, and not where connections are not kept.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import Any

from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.rag.statements import Statement

HELPERS = 4  # connections that a process keeps for second statements; where all are at work, it uses its own
Rows = list[tuple[Any, ...]]


def rows_of(statement: Statement) -> Rows:
    """Return the rows of one statement."""
    (rows,) = fetch(statement)
    return rows


def fetch(*statements: Statement, on: BaseDatabaseWrapper | None = None) -> list[Rows]:
    """Return the rows of each statement. All go to the server in one message, which it takes as one transaction."""
    used = connection if on is None else on
    parts: list[str] = []
    params: dict[str, Any] = {}
    for statement in statements:
        parts += [f"SET LOCAL {name} = {value}" for name, value in statement.settings.items()]
        parts.append(statement.sql)
        if used.in_atomic_block:  # it goes on; else the settings end with the message
            parts += [f"SET LOCAL {name} TO DEFAULT" for name in statement.settings]
        params |= statement.params
    with used.cursor() as cursor:
        cursor.execute(";".join(parts), params)
        return list(_results(cursor))


def rows_of_both(here: Statement, there: Statement) -> tuple[Rows, Rows]:
    """Return the rows of two statements, which run at the same time where a second connection can be had."""
    helpers = _helpers(os.getpid())
    helper = helpers.take()
    if helper is None:
        return rows_of(here), rows_of(there)
    other = helpers.threads.submit(copy_context().run, helpers.run, helper, there)  # for the same teams: core.tenancy
    rows = rows_of(here)
    try:
        return rows, other.result()
    except Error:  # its connection was cut: the own one tells whether the database is gone
        return rows, rows_of(there)


def close_helpers() -> None:
    """Close the connections that are kept for second statements and not at work."""
    _helpers(os.getpid()).close()


class _Helpers:
    """The further connections of this process, and the threads that use them."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(HELPERS, thread_name_prefix="search-leg")
        self._room = threading.BoundedSemaphore(HELPERS)
        self._idle: list[BaseDatabaseWrapper] = []

    def take(self) -> BaseDatabaseWrapper | None:
        """Return a connection to what this thread is connected to; None where it has to do without."""
        is_kept = connection.settings_dict["CONN_MAX_AGE"] != 0
        if connection.in_atomic_block or not is_kept or not self._room.acquire(blocking=False):
            return None
        helper = self._idle.pop() if self._idle else _copy()
        if helper.settings_dict["NAME"] != connection.settings_dict["NAME"]:  # tests and benchmarks change it
            helper.close()
            helper = _copy()
        return helper

    def run(self, helper: BaseDatabaseWrapper, statement: Statement) -> Rows:
        """Return the statement's rows, and put the connection back."""
        try:
            helper.close_if_unusable_or_obsolete()
            return fetch(statement, on=helper)[0]
        finally:
            self._idle.append(helper)
            self._room.release()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()


def _copy() -> BaseDatabaseWrapper:
    copy: BaseDatabaseWrapper = connection.copy()
    copy.inc_thread_sharing()
    return copy


@lru_cache(maxsize=1)
def _helpers(_process: int) -> _Helpers:
    return _Helpers()  # a forked process has neither the threads nor a right to the connections


def _results(cursor: Any) -> Iterator[Rows]:
    while True:
        if cursor.description is not None:
            yield cursor.fetchall()
        if not cursor.nextset():
            return
