"""Django's PostgreSQL backend, which tells the server before each statement for which teams it is (`core.tenancy`).

The setting is made for the session and only when it changes, so most statements cost nothing more. What the server was
told is forgotten with every new or reused connection and after every rollback, which may take a setting back. Between
the product and the server there may be a pooler of sessions, never one of transactions.
"""

from typing import Any

from psycopg.pq import TransactionStatus

from apps.core import tenancy
from apps.core.postgres.last import LastThings

_TELL = "SELECT set_config('kb.teams', %s, false)"


class DatabaseWrapper(LastThings):
    """A connection whose server knows for whom it works."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Hear of every statement."""
        super().__init__(*arguments, **options)
        self._told: str | None = None
        self.execute_wrappers.append(self._before)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection, of which it is unknown what it was told: a pool gives used ones."""
        self._told = None
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor; also COPY, which no wrapper hears of, finds the server told."""
        self._tell()
        return super().create_cursor(name)

    def _before(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        self._tell()
        return execute(sql, params, many, context)

    def _tell(self) -> None:
        wanted = tenancy.current()
        if wanted == self._told or self.connection is None:
            return
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return  # nothing runs until the rollback, which comes next
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(_TELL, [wanted])
        self._told = wanted

    def _rollback(self) -> None:
        self._told = None
        super()._rollback()  # type: ignore[misc]  # Django's, which its stubs leave out

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # Django's, which its stubs leave out
        except BaseException:
            self._told = None
            raise

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # Django's, which its stubs leave out
        self._told = None
