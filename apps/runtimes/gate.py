"""Who may use the CPU's cores first, inside one worker: people who wait, then bulk work."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Bulk work gives way for at most this long per batch: while answers run without a pause it still gets a batch of
# about 0.2 s every 2 s, so an upload is slowed down to a tenth but never starved.
BULK_PATIENCE_S = 2.0


class Interactive:
    """Counts the people who wait for an answer right now; bulk work pauses while there are any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    @contextmanager
    def work(self) -> Iterator[None]:
        """Mark a stretch of work that somebody waits for."""
        with self._changed:
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def give_way(self, patience_s: float = BULK_PATIENCE_S) -> bool:
        """Wait until nobody waits for an answer, at most `patience_s`; return whether that was reached."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout=patience_s)


class Turnstile:
    """A lock with two entrances: `first` goes in before everybody who waits at `later`."""

    def __init__(self, patience_s: float = BULK_PATIENCE_S) -> None:
        self._changed = threading.Condition()
        self._is_taken = False
        self.first_waiting = 0
        self._patience_s = patience_s

    @contextmanager
    def first(self) -> Iterator[None]:
        """Hold the lock; for work that somebody waits for."""
        with self._changed:
            self.first_waiting += 1
            try:
                self._changed.wait_for(lambda: not self._is_taken)
                self._is_taken = True
            finally:
                self.first_waiting -= 1
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def later(self) -> Iterator[None]:
        """Hold the lock; for bulk work. Lets the others pass, but not for longer than the patience."""
        deadline = time.monotonic() + self._patience_s

        def is_my_turn() -> bool:
            return not self._is_taken and (self.first_waiting == 0 or time.monotonic() >= deadline)

        with self._changed:
            self._changed.wait_for(is_my_turn)
            self._is_taken = True
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._changed:
            self._is_taken = False
            self._changed.notify_all()


interactive = Interactive()  # one per process: the models of a worker share its cores
