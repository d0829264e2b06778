"""What a reservation and its settlement cost at 1,000 limits, and whether people wait for one another."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.evaluation.bench.database import own_database
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Price, Quota, Resource, Scope, Window
from apps.metering.services import remaining, reserve, settle
from apps.users.models import Membership, Team, User

TEAMS = 250  # with four limits each: 1,000
MEMBERS = 16
CALLS = 400
AMOUNTS = {Resource.QUESTIONS: 1, Resource.PROMPT_TOKENS: 1_500, Resource.OUTPUT_TOKENS: 400, Resource.GENERATIONS: 1}
USED = {Resource.QUESTIONS: 1, Resource.PROMPT_TOKENS: 1_320, Resource.OUTPUT_TOKENS: 112}


def quota_speed() -> dict[str, Any]:
    """Return medians and p95 in milliseconds: one caller; and for members at once, each in a team of their own,
    in one team without a limit of its own, and in one team that has limits.

    `quota_wait_ratio` is the p95 of members of one unlimited team ÷ that of as many people in teams of their own.
    """  # fmt: skip
    with own_database():
        members = _rows()
        alone = _measure(members[:1], CALLS)
        spread = _measure(_one_each(members), CALLS // 4)
        Quota.objects.filter(scope=Scope.TEAM, team=members[0].team).delete()
        together = _measure(members[:MEMBERS], CALLS // 4)
        for resource, window in _team_limits():
            set_limit(Limit(Scope.TEAM, resource, window, 10**9, team=members[0].team))
        limited = _measure(members[:MEMBERS], CALLS // 4)
        return {
            "quota_limits": Quota.objects.count(),
            "quota_reserve_ms": _figures(alone[0]),
            "quota_settle_ms": _figures(alone[1]),
            "quota_remaining_ms": round(_timed(lambda: remaining(members[0].user, members[0].team)) * 1_000, 2),
            f"quota_{MEMBERS}_teams_ms": _figures(spread[0] + spread[1]),
            f"quota_{MEMBERS}_members_ms": _figures(together[0] + together[1]),
            f"quota_{MEMBERS}_members_limited_ms": _figures(limited[0] + limited[1]),
            "quota_wait_ratio": round(_p95(together[0] + together[1]) / _p95(spread[0] + spread[1]), 2),
        }


def _team_limits() -> list[tuple[Resource, Window]]:
    return [
        (Resource.QUESTIONS, Window.DAY),
        (Resource.OUTPUT_TOKENS, Window.MONTH),
        (Resource.MONEY, Window.MONTH),
        (Resource.GENERATIONS, Window.TOTAL),
    ]


def _rows() -> list[Membership]:
    """Write teams with their limits; the first has all the members, the others one each."""
    teams = Team.objects.bulk_create([Team(name=f"Team {n}") for n in range(TEAMS)])
    people = User.objects.bulk_create([User(email=f"p{n}@example.test") for n in range(TEAMS + MEMBERS)])
    first = [Membership(team=teams[0], user=user) for user in people[:MEMBERS]]
    others = [Membership(team=team, user=user) for team, user in zip(teams[1:], people[MEMBERS:], strict=False)]
    Quota.objects.bulk_create(
        Quota(scope=Scope.TEAM, team=team, resource=resource, window=window, limit=10**9)
        for team in teams
        for resource, window in _team_limits()
    )
    begun = timezone.now().date() - timedelta(days=1)
    Price.objects.create(model="", resource=Resource.OUTPUT_TOKENS, micros_per_million=600_000, starts_on=begun)
    return Membership.objects.bulk_create(first + others)


def _one_each(members: list[Membership]) -> list[Membership]:
    return members[MEMBERS : 2 * MEMBERS]


def _measure(members: list[Membership], calls: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each reservation and each settlement of the members, who work at the same time."""
    barrier = threading.Barrier(len(members))
    reserved: list[float] = []
    settled: list[float] = []

    def work(member: Membership) -> None:
        connection.ensure_connection()
        barrier.wait()
        for _ in range(calls):
            began = time.perf_counter()
            held = reserve(user=member.user, team=member.team, amounts=AMOUNTS, model="a-model")
            between = time.perf_counter()
            settle(held.pk, USED)
            settled.append(time.perf_counter() - between)
            reserved.append(between - began)
        connection.close()

    if len(members) == 1:
        work(members[0])
    else:
        with ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(work, members))
    return reserved, settled


def _timed(call: Callable[[], object]) -> float:
    times = []
    for _ in range(50):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return median(times)


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)] * 1_000


def _figures(times: list[float]) -> dict[str, float]:
    return {"least": round(min(times) * 1_000, 2), "p50": round(median(times) * 1_000, 2), "p95": round(_p95(times), 2)}
