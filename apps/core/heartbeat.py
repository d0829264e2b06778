"""Signs of life of processes: each says every few seconds in Valkey that it is there, and what it serves."""

import json
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

_PREFIX = "kb:alive:"
EVERY_S = 10.0
GONE_S = 45  # after so long without a sign a process is not listed any more
_STARTED = time.time()
_last = {"at": -EVERY_S}  # of this process


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of one process; `memory` is its resident memory in bytes."""

    name: str
    role: str
    host: str
    pid: int
    seen_at: datetime
    started_at: datetime
    memory: int
    detail: Mapping[str, Any]

    @property
    def queues(self) -> Sequence[str]:
        """Return the queues that a worker serves."""
        return list(self.detail.get("queues", ()))


def give(role: str, **detail: Any) -> bool:
    """Say that this process lives, at most once in `EVERY_S`; return whether it was said. Never fails."""
    now = time.monotonic()
    if now - _last["at"] < EVERY_S:
        return False
    _last["at"] = now
    return keep(role, _name_of(role), **detail)


def _name_of(role: str) -> str:
    """Return what this process is listed as."""
    return f"{role}@{socket.gethostname()}:{os.getpid()}"


def keep_giving(role: str) -> threading.Thread:
    """Give signs for as long as this process lives, from a thread of its own: no request waits for Valkey."""

    def run() -> None:
        while True:
            keep(role, _name_of(role))
            time.sleep(EVERY_S)

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    return thread


def keep(role: str, name: str = "", **detail: Any) -> bool:
    """Say that something lives, by this process in its place where `name` is given; return whether it was said."""
    said = {
        "role": role,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "seen": time.time(),
        "started": _STARTED,
        "memory": _resident(),
        "detail": detail,
    }
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=1) as client:
            client.set(f"{_PREFIX}{name or role}", json.dumps(said), ex=GONE_S)
    except RedisError:
        return False
    return True


def signs() -> list[Sign]:
    """Return the processes that gave a sign lately, by role and name. Raises RedisError."""
    with Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        keys = sorted(client.scan_iter(match=f"{_PREFIX}*", count=500))
        values = client.mget(keys) if keys else []
    pairs = zip(keys, values, strict=True)
    found = [_sign(key.decode().removeprefix(_PREFIX), json.loads(value)) for key, value in pairs if value]
    return sorted(found, key=lambda sign: (sign.role, sign.name))


def _sign(name: str, said: Mapping[str, Any]) -> Sign:
    return Sign(
        name=name,
        role=said["role"],
        host=said["host"],
        pid=said["pid"],
        seen_at=datetime.fromtimestamp(said["seen"], UTC),
        started_at=datetime.fromtimestamp(said["started"], UTC),
        memory=said["memory"],
        detail=said["detail"],
    )


def _resident() -> int:
    """Return this process's resident memory, as Linux counts it; 0 elsewhere."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 -- no path of ours
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
