"""Renews leases while the owner works: a thread with its own database connection."""

import logging
import threading
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, connection

from apps.ingestion import jobs

logger = logging.getLogger(__name__)
BEATS_PER_LEASE = 3  # two may be missed


class Heartbeat:
    """Keeps the leases of some owners while the block runs; a killed process simply stops beating."""

    def __init__(self, *owners: str) -> None:
        self._owners = set(owners)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease-heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        """Start beating."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop beating; waits for a beat under way."""
        self._ended.set()
        self._thread.join(timeout=settings.ENV.lease_s)

    def add(self, owner: str) -> None:
        """Keep the leases of one more owner."""
        self._owners = self._owners | {owner}

    def remove(self, owner: str) -> None:
        """Stop keeping an owner's lease."""
        self._owners = self._owners - {owner}

    def _beat(self) -> None:
        pause_s = settings.ENV.lease_s / BEATS_PER_LEASE
        try:
            while not self._ended.wait(pause_s):
                try:
                    jobs.renew(list(self._owners))
                except DatabaseError:  # the next beat opens a new connection; a lease lost meanwhile is fenced off
                    logger.warning("heartbeat missed")
                    connection.close()
        finally:
            connection.close()
