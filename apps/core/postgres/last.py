"""Work that a transaction does as the very last before it commits: what must wait for a lock that everybody wants.

`transaction.on_commit` comes too late for it: that work is not part of the transaction, so a failure there undoes
nothing. Here it does. What was asked for in a savepoint that was rolled back is forgotten with it.
"""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.db.backends.postgresql import base

Job = Callable[[list[Any]], None]  # gets all items of the transaction at once, in their order


class LastThings(base.DatabaseWrapper):
    """A connection that does last things."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Begin with nothing to do."""
        super().__init__(*arguments, **options)
        self._last: list[tuple[frozenset[str], Job, Any]] = []

    def do_last(self, job: Job, item: Any) -> None:
        """Hand the item to the job just before the transaction commits. Needs one."""
        assert self.in_atomic_block
        self._last.append((frozenset(self.savepoint_ids), job, item))

    def commit(self) -> None:
        """Do the last things, then commit; a failure undoes the transaction."""
        try:
            self._do_them()
        except DatabaseError:
            raise  # whoever commits rolls back
        except BaseException:
            self.rollback()
            raise
        super().commit()

    def rollback(self) -> None:
        """Forget the last things with all else."""
        self._last = []
        super().rollback()

    def close(self) -> None:
        """Forget the last things with the transaction that ends here."""
        self._last = []
        super().close()

    def savepoint_rollback(self, sid: str) -> None:
        """Forget what was asked for since the savepoint."""
        super().savepoint_rollback(sid)
        self._last = [one for one in self._last if sid not in one[0]]

    def savepoint_commit(self, sid: str) -> None:
        """In a test, whose own transaction never commits, the outermost block in it does the last things."""
        if self._last and all(getattr(block, "_from_testcase", False) for block in self.atomic_blocks):
            self._do_them()
        super().savepoint_commit(sid)

    def _do_them(self) -> None:
        while self._last:
            job = self._last[0][1]
            items = [item for _sids, of, item in self._last if of is job]
            self._last = [one for one in self._last if one[1] is not job]
            job(items)
