"""What the log costs: events a second from eight writers, what one adds to a change, and checking a million of them."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from django.db import connection, transaction

from apps.audit.services import record, verify_chain
from apps.evaluation.bench.crowd import log
from apps.evaluation.bench.database import empty_database
from apps.users.models import Team, User

WRITERS = 8
EACH = 100
EVENTS = 1_000_000
SLOW_S = 0.02  # of work in a transaction after its event: an upload's files, many rows


def audit_speed() -> dict[str, Any]:
    """Return `audit_events_per_s` of eight writers, `audit_adds_ms` (p50, p95 of one change with and without an event),
    `audit_behind_slow_ms` (p95 of short changes while others do slow ones) and `audit_verify_s` of a million.
    """  # fmt: skip
    with empty_database():
        team = Team.objects.create(name="A team")
        user = User.objects.create(email="somebody@example.test")
        plain = _alone(lambda: _change(team, user, is_recorded=False))
        recorded = _alone(lambda: _change(team, user, is_recorded=True))
        began = time.perf_counter()
        many = _together([lambda: _event(user, team)] * WRITERS)
        rate = WRITERS * EACH / (time.perf_counter() - began)
        slow: list[Callable[[], object]] = [lambda: _slow(user, team)] * (WRITERS // 2)
        behind = _together([lambda: _event(user, team)] * (WRITERS // 2), slow)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE audit_auditevent")
        log(EVENTS, [user], [team])
        began = time.perf_counter()
        broken = verify_chain()
        took = time.perf_counter() - began
    return {
        "audit_events_per_s": round(rate),
        "audit_event_ms": _figures(many),
        "audit_plain_change_ms": _figures(plain),
        "audit_recorded_change_ms": _figures(recorded),
        "audit_adds_ms": round((median(recorded) - median(plain)) * 1_000, 2),
        "audit_behind_slow_ms": _figures(behind),
        "audit_verify_s": round(took, 1),
        "audit_verify_broken": broken,
    }


def _change(team: Team, user: User, *, is_recorded: bool) -> None:
    with transaction.atomic():
        Team.objects.filter(pk=team.pk).update(name="Another name")
        if is_recorded:
            record("team.renamed", actor=user, team=team, target=team, detail={"to": "Another name"})


def _event(user: User, team: Team) -> None:
    record("library.created", actor=user, team=team, target=team, detail={"name": "A library"})


def _slow(user: User, team: Team) -> None:
    with transaction.atomic():
        _event(user, team)
        time.sleep(SLOW_S)


def _alone(change: Callable[[], object]) -> list[float]:
    return [_timed(change) for _ in range(EACH)]


def _together(writers: Sequence[Callable[[], object]], others: Sequence[Callable[[], object]] = ()) -> list[float]:
    """Return the seconds of each call of the writers, while the others go on as long as they do."""
    barrier, is_over = threading.Barrier(len(writers) + len(others)), threading.Event()

    def write(call: Callable[[], object]) -> list[float]:
        connection.ensure_connection()
        barrier.wait()
        times = [_timed(call) for _ in range(EACH)]
        connection.close()
        return times

    def disturb(call: Callable[[], object]) -> None:
        connection.ensure_connection()
        barrier.wait()
        while not is_over.is_set():
            call()
        connection.close()

    with ThreadPoolExecutor(len(writers) + len(others)) as pool:
        for other in others:
            pool.submit(disturb, other)
        try:
            found = [one for times in pool.map(write, writers) for one in times]
        finally:
            is_over.set()
    return found


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _figures(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {"p50": round(median(ordered) * 1_000, 2), "p95": round(ordered[int(len(ordered) * 0.95)] * 1_000, 2)}
