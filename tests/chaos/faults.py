"""What can go wrong on one machine, each as a function of the installation. Each returns a word on what it did."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.installation import TMPFS_MIB, Installation, cmdline, descendants

MIB = 1024 * 1024
Fault = Callable[[Installation, random.Random], str]


def _kill(pid: int, number: int = signal.SIGKILL) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _kill_child(name: str) -> Fault:
    def fault(place: Installation, _random: random.Random) -> str:
        found = place.processes(name)
        return "killed" if found and _kill(found[0]) else "was not there"

    return fault


def kill_pool_process(place: Installation, chance: random.Random) -> str:
    """Kill one of the processes that read."""
    leader = place.processes("io")[:1]
    pool = [pid for pid in (descendants(leader[0]) if leader else []) if "celery" in cmdline(pid)]
    return "killed" if pool and _kill(chance.choice(pool)) else "was not there"


def kill_parser(place: Installation, chance: random.Random) -> str:
    """Kill a zygote of parsers or one of its children."""
    below = [pid for pid in place.processes("io") if "parsers.zygote" in cmdline(pid)]
    return "killed" if below and _kill(chance.choice(below)) else "was not there"


def flush_valkey(place: Installation, _random: random.Random) -> str:
    """Make the broker forget everything: queues, locks, cache."""
    import redis

    from kb_project.addresses import redis_url
    from kb_project.env import env

    try:
        redis.Redis.from_url(redis_url(env()), socket_timeout=2).flushall()
    except redis.RedisError as error:
        return type(error).__name__
    return "flushed"


def kill_valkey(place: Installation, _random: random.Random) -> str:
    """Kill the broker; the keeper starts it again."""
    pid = place.servers().get("valkey")
    return "killed" if pid and _kill(pid) else "was not there"


def stall_valkey(place: Installation, chance: random.Random) -> str:
    """Let the broker hang for some seconds."""
    pid = place.servers().get("valkey")
    if not pid or not _kill(pid, signal.SIGSTOP):
        return "was not there"
    seconds = chance.uniform(1, 6)
    time.sleep(seconds)
    _kill(pid, signal.SIGCONT)
    return f"hung for {seconds:.1f} s"


def restart_postgres(place: Installation, _random: random.Random) -> str:
    """Shut the database down as `pg_ctl -m immediate` does; the keeper starts it again, and it recovers."""
    pid = place.servers().get("postgres")
    return "shut down immediately" if pid and _kill(pid, signal.SIGQUIT) else "was not there"


def kill_backend(place: Installation, chance: random.Random) -> str:
    """Kill one connection's server process, upon which PostgreSQL restarts all of them."""
    pid = place.servers().get("postgres")
    backends = [child for child in (descendants(pid) if pid else []) if "idle" in cmdline(child)]
    return "killed" if backends and _kill(chance.choice(backends)) else "was not there"


def fill_disk(place: Installation, chance: random.Random) -> str:
    """Fill the disk of the files for some seconds."""
    if not place.has_tmpfs:
        return "no tmpfs here"
    ballast = place.var / "media" / "ballast"
    _fill(ballast)
    seconds = chance.uniform(2, 6)
    time.sleep(seconds)
    ballast.unlink(missing_ok=True)
    return f"full for {seconds:.1f} s"


def _fill(ballast: Path) -> None:
    try:
        with ballast.open("wb") as file:
            for _ in range(TMPFS_MIB * 16):
                file.write(bytes(MIB // 16))
    except OSError:
        return


def crash_somewhere(place: Installation, chance: random.Random) -> str:
    """Arm a crash point; whoever comes there next dies."""
    from apps.core import crash

    point = chance.choice(crash.POINTS)
    crash.arm(point)
    return point


FAULTS: dict[str, Fault] = {
    "a process that reads": kill_pool_process,
    "a parser": kill_parser,
    "the io worker": _kill_child("io"),
    "the models worker": _kill_child("models"),
    "the web process": _kill_child("web"),
    "beat": _kill_child("beat"),
    "Valkey flushed": flush_valkey,
    "Valkey killed": kill_valkey,
    "Valkey stalled": stall_valkey,
    "PostgreSQL restarted": restart_postgres,
    "a PostgreSQL backend": kill_backend,
    "the disk": fill_disk,
    "a crash point": crash_somewhere,
}
WEIGHTS = (4, 4, 2, 2, 2, 1, 2, 1, 1, 2, 1, 2, 8)
