"""Keeps a lease alive while work goes on that cannot renew it itself: a model draws, or reads a large file."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)


@contextmanager
def renewing(renew: Callable[[], object], every_s: Callable[[], float], name: str) -> Iterator[None]:
    """Call `renew` while the block works, `every_s()` seconds apart, in a thread with a connection of its own."""
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(renew, every_s, ended), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=every_s())


def _renew(renew: Callable[[], object], every_s: Callable[[], float], ended: threading.Event) -> None:
    try:
        while not ended.wait(every_s()):
            try:
                renew()
            except DatabaseError:  # the next call opens a new connection; a lost lease is fenced off
                logger.warning("%s could not be renewed", threading.current_thread().name)
                connection.close()
    finally:
        connection.close()
