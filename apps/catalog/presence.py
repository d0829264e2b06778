"""What the workers hold in memory right now, told to everybody through the cache; it is news, not truth."""

import logging
import os
import socket
import threading
import time
from dataclasses import asdict
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.runtimes import memory, registry

logger = logging.getLogger(__name__)
KEY = "catalog:presence"
EVERY_S = 2.0
LIFE_S = 15  # a worker that is silent for longer holds nothing
EVICT_S = 15.0


class Reporter:
    """A thread of the models worker that tells what is loaded, and lets idle models go."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._evicted_at = time.monotonic()
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="model-presence", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                tell(self._name)
            except (RedisError, OSError):
                logger.debug("the presence of models was not told")
            if time.monotonic() - self._evicted_at > EVICT_S:
                self._evicted_at = time.monotonic()
                registry.evict_idle()


def tell(worker: str) -> None:
    """Write what this process holds."""
    workers = {name: each for name, each in (cache.get(KEY) or {}).items() if _is_alive(each)}
    models = [asdict(each) for each in registry.loaded()]
    workers[worker] = {"at": time.time(), "models": models, "free": memory.available_bytes()}
    cache.set(KEY, workers, LIFE_S)


def _is_alive(told: dict[str, Any]) -> bool:
    return bool(time.time() - float(told["at"]) < LIFE_S)


def look() -> tuple[dict[str, dict[str, Any]], int | None]:
    """Return what the workers tell: the models that some worker holds or loads, and the memory that is free there.

    The models by name, each a `registry.Loaded` as a dict; the memory in bytes, that of this machine where none tells.
    """
    alive = [each for each in (cache.get(KEY) or {}).values() if _is_alive(each)]
    found: dict[str, dict[str, Any]] = {}
    for model in (model for each in alive for model in each["models"]):
        if model["name"] not in found or model["is_ready"]:
            found[model["name"]] = model
    frees = [each["free"] for each in alive if each["free"] is not None]
    return found, max(frees) if frees else memory.available_bytes()
