"""Progress as people see it: written at most about twice a second, whatever the worker's pace."""

import time

from apps.ingestion import jobs
from apps.ingestion.jobs import Held
from apps.ingestion.stopping import is_stopping

WRITE_EVERY_S = 0.5
LOOK_EVERY_S = 1.0


class Progress:
    """Writes n of m for one held job and looks whether it is still wanted."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._written_at = -WRITE_EVERY_S
        self._looked_at = time.monotonic()
        self._is_wanted = True

    def show(self, done: int, total: int) -> None:
        """Show n of m, unless the last write was just now."""
        now = time.monotonic()
        if now - self._written_at >= WRITE_EVERY_S:
            self._written_at = now
            jobs.write_progress(self._held, done, total)

    def should_stop(self) -> bool:
        """Return whether the job was cancelled, its document deleted, the lease lost, or the worker is to stop.

        The database is asked once a second.
        """
        if is_stopping():
            return True
        now = time.monotonic()
        if self._is_wanted and now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._is_wanted = jobs.is_wanted(self._held)
        return not self._is_wanted
