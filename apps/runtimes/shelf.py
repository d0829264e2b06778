"""Loaded models by key: who waits for a load, what is in use, what may be let go.

Two callers of one model wait for one load; other models load meanwhile. A model is let go in two ways: after nobody
asked for it for a while, and where the next one would not fit. One that works at this moment (`is_busy`) stays. Models
without `close` are simply forgotten: whoever still holds one may use it to the end.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from apps.runtimes import memory
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec

logger = logging.getLogger(__name__)

Key = tuple[str, RuntimeSpec]
MIB = 1024 * 1024
SPARE_BYTES = 256 * MIB  # left free for everything else
GRACE_S = 10.0  # who was handed a model has begun to use it by then

_progress: dict[str, float] = {}  # of loads under way, by the model's name


def tell_progress(name: str, fraction: float) -> None:
    """Say how far the load of a model is, from 0 to 1."""
    _progress[name] = fraction


class NoRoom(RuntimeFailure):
    """The model does not fit beside what is in use."""

    def __init__(self, name: str, needed: int, free: int) -> None:
        super().__init__(
            f"The model {name} needs about {needed // MIB} MB of memory and {free // MIB} MB are free. "
            "Unload another model, or take a smaller one."
        )
        self.needed = needed
        self.free = free


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model of this process. `progress` goes from 0 to 1 while it loads; `idle_s` counts from its last use."""

    name: str
    is_ready: bool = False
    progress: float | None = None
    idle_s: float = 0.0
    is_busy: bool = False
    memory_bytes: int = 0


@dataclass(slots=True)
class _Entry:
    spec: RuntimeSpec
    model: Any
    used_at: float

    @property
    def is_busy(self) -> bool:
        return bool(getattr(self.model, "is_busy", False))

    def is_idle(self, now: float) -> bool:
        """Return whether its time is over; the last caller's keep-alive counts."""
        return 0 < self.spec.keep_alive_s < now - self.used_at and not self.is_busy


class Shelf:
    """Models by factory and spec. `free` tells how much memory there is for one more; None: it is not asked."""

    def __init__(self, free: Callable[[], int | None] = memory.available_bytes, what: str = "model") -> None:
        self._guard = threading.Lock()
        self._locks: dict[Key, threading.Lock] = {}
        self._entries: dict[Key, _Entry] = {}
        self._loading: set[str] = set()
        self._room = threading.Lock()
        self._free = free
        self._what = what  # lies here, as the log calls it

    def get(self, key: Key, load: Callable[[], Any]) -> Any:
        """Return the model of `key`, loading it where needed; a failed load is tried again by the next caller.

        Raises NoRoom where it does not fit, and what `load` raises.
        """
        found = self._found(key)
        if found is not None:
            return found
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            found = self._found(key)
            if found is not None:
                return found
            with self._admitted(key[1]):
                model = load()
            with self._guard:
                self._entries[key] = _Entry(key[1], model, time.monotonic())
            return model

    def _found(self, key: Key) -> Any:
        with self._guard:
            entry = self._entries.get(key)
            if entry is None:
                return None
            entry.used_at = time.monotonic()
            entry.spec = key[1]  # its keep-alive may have been changed
            return entry.model

    @contextmanager
    def _admitted(self, spec: RuntimeSpec) -> Iterator[None]:
        """Make room for a model and tell that it is on its way."""
        with self._room:
            self._make_room(spec)
        began = time.monotonic()
        with self._guard:
            self._loading.add(spec.name)
        try:
            yield
            logger.info("a %s was loaded", self._what, extra={"model": spec.name, "seconds": time.monotonic() - began})
        finally:
            with self._guard:
                self._loading.discard(spec.name)
            _progress.pop(spec.name, None)

    def _make_room(self, spec: RuntimeSpec) -> None:
        """Let go the longest unused models until this one fits. Raises NoRoom where that does not suffice."""
        if not (spec.keep_alive_s and spec.memory_bytes):
            return  # what is always needed, or of unknown size, is tried
        while True:
            free = self._free()
            if free is None or free >= spec.memory_bytes + SPARE_BYTES:
                return
            key = self._spare_one()
            if key is None:
                raise NoRoom(spec.name, spec.memory_bytes, max(0, free - SPARE_BYTES))
            self._close(key)

    def _spare_one(self) -> Key | None:
        now = time.monotonic()
        with self._guard:
            idle = [
                (entry.used_at, key)
                for key, entry in self._entries.items()
                if entry.spec.keep_alive_s and not entry.is_busy and now - entry.used_at > GRACE_S
            ]
        return min(idle, key=lambda each: each[0])[1] if idle else None

    def listed(self) -> list[Loaded]:
        """Return what is here and what is on its way."""
        now = time.monotonic()
        with self._guard:
            ready = [
                Loaded(
                    entry.spec.name,
                    is_ready=True,
                    idle_s=now - entry.used_at,
                    is_busy=entry.is_busy,
                    memory_bytes=entry.spec.memory_bytes,
                )
                for entry in self._entries.values()
            ]
            coming = sorted(self._loading)
        return ready + [Loaded(name, progress=_progress.get(name)) for name in coming]

    def evict_idle(self) -> list[str]:
        """Let go what is idle for longer than its keep-alive; return the names."""
        now = time.monotonic()
        with self._guard:
            over = [key for key, entry in self._entries.items() if entry.is_idle(now)]
        return [key[1].name for key in over if self._close(key)]

    def drop(self, name: str) -> bool:
        """Let go the models of a name; return whether none is left."""
        with self._guard:
            keys = [key for key in self._entries if key[1].name == name]
        left = [key for key in keys if not self._close(key)]
        return not left

    def _close(self, key: Key) -> bool:
        """Let one model go unless it works; return whether it is gone."""
        with self._guard:
            entry = self._entries.get(key)
            if entry is None:
                return True
            if entry.is_busy:
                return False
            del self._entries[key]
        _let_go(entry.model)
        logger.info("a %s was unloaded", self._what, extra={"model": key[1].name})
        return True

    def close(self) -> None:
        """Close and forget every model."""
        with self._guard:
            models = [entry.model for entry in self._entries.values()]
            self._entries.clear()
        for model in models:
            close = getattr(model, "close", None)
            if close is not None:
                close()


def _let_go(model: Any) -> None:
    """Free a model that owns memory outside Python; others go with their last holder."""
    if hasattr(model, "is_busy"):
        close = getattr(model, "close", None)
        if close is not None:
            close()
