"""Removes from Valkey what mentions a thing that is gone; entries of the cache would live on for up to some hours."""

import re
from collections.abc import Iterable, Iterator, Set
from uuid import UUID

from apps.core.events import connection

_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
BATCH = 500
LARGEST = 4 * 1024 * 1024  # bytes of a value that is looked into


def forget(ids: Set[UUID]) -> int:
    """Delete the plain entries whose key or value names one of these ids; returns how many. Reads every entry once."""
    wanted = {str(one).encode() for one in ids}
    gone = 0
    for keys in _batches():
        named = [key for key in keys if not wanted.isdisjoint(_UUID.findall(key))]
        rest = set(keys).difference(named)
        doomed = named + [key for key, value in _values(rest) if not wanted.isdisjoint(_UUID.findall(value))]
        if doomed:
            gone += int(connection().delete(*doomed))
    return gone


def _batches() -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for key in connection().scan_iter(count=BATCH, _type="STRING"):
        batch.append(key)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _values(keys: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for key in keys:
        if connection().strlen(key) <= LARGEST and isinstance(value := connection().get(key), bytes):
            yield key, value
