"""Quotas hold under parallel calls, and the ledger equals the counters whatever happens."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone, translation

from apps.core.invariants import verify
from apps.core.middleware import problem
from apps.metering.errors import QuotaExceeded
from apps.metering.ledger import expire
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Counter, Quota, Reservation, Resource, Scope, UsageEvent, Window
from apps.metering.services import Held, add_use, release, remaining, reserve, settle
from apps.metering.tasks import reap
from apps.users.models import Team, User
from tests import factories

QUESTION = {Resource.QUESTIONS: 1}


def limit(amount: int, **fields: object) -> Quota:
    values = {"scope": Scope.USER, "resource": Resource.QUESTIONS, "window": Window.DAY} | fields
    return set_limit(Limit(limit=amount, **values))


def counter(scope: Scope, window: Window, resource: Resource = Resource.QUESTIONS) -> tuple[int, int]:
    row = Counter.objects.get(scope=scope, window=window, resource=resource)
    return row.used, row.held


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """Run `work` in `count` threads that start together, each with its own connection."""
    barrier = threading.Barrier(count)

    def run(number: int) -> object:
        barrier.wait()
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "scope",
    [pytest.param(Scope.USER, id="user"), pytest.param(Scope.TEAM, id="team"), pytest.param(Scope.SYSTEM, id="all")],
)
def test_it_admits_exactly_the_budget_of_parallel_calls(scope: Scope) -> None:
    member = factories.MembershipFactory()
    limit(5, scope=scope)

    def ask(_: int) -> Held | None:
        try:
            return reserve(
                user=member.user, team=member.team, amounts={Resource.QUESTIONS: 1, Resource.OUTPUT_TOKENS: 9}
            )
        except QuotaExceeded:
            return None

    admitted = [one for one in in_threads(50, ask) if one]

    assert len(admitted) == 5
    assert counter(scope, Window.DAY) == (0, 5)
    assert Reservation.objects.count() == 5
    assert verify() == []


@pytest.mark.django_db(transaction=True)
def test_it_neither_deadlocks_nor_drifts_under_mixed_parallel_work() -> None:
    members = [factories.MembershipFactory() for _ in range(3)]
    limit(40, scope=Scope.SYSTEM)
    limit(10_000, scope=Scope.TEAM, resource=Resource.OUTPUT_TOKENS)
    limit(10_000, scope=Scope.MEMBER, resource=Resource.OUTPUT_TOKENS, window=Window.MONTH)

    def work(number: int) -> None:
        member = members[number % 3]
        for step in range(4):
            try:
                held = reserve(
                    user=member.user, team=member.team, amounts={Resource.OUTPUT_TOKENS: 7, Resource.QUESTIONS: 1}
                )
            except QuotaExceeded:
                continue
            if step % 3 == 0:
                release(held.pk)
            elif step % 3 == 1:
                settle(held.pk, {Resource.QUESTIONS: 1, Resource.OUTPUT_TOKENS: number, Resource.PROMPT_TOKENS: 100})
            else:
                add_use(user=member.user, team=member.team, amounts={Resource.STORAGE_BYTES: -number})

    in_threads(16, work)

    assert verify() == []


@pytest.mark.django_db(transaction=True)
def test_it_settles_once_under_parallel_settlements(alice: User, t1: Team) -> None:
    limit(9, window=Window.TOTAL)
    held = reserve(user=alice, team=t1, amounts=QUESTION)

    done = in_threads(8, lambda _: settle(held.pk, QUESTION))

    assert done.count(True) == 1
    assert counter(Scope.USER, Window.TOTAL) == (1, 0)


def test_it_holds_nothing_when_one_of_two_resources_is_used_up(alice: User, t1: Team) -> None:
    limit(1, resource=Resource.OUTPUT_TOKENS)

    with pytest.raises(QuotaExceeded):
        reserve(user=alice, team=t1, amounts={Resource.QUESTIONS: 1, Resource.OUTPUT_TOKENS: 2})

    assert not Reservation.objects.exists()
    assert not Counter.objects.exclude(held=0, used=0).exists()


def test_it_replaces_the_held_by_the_real_amounts(alice: User, t1: Team) -> None:
    limit(1_000, scope=Scope.TEAM, resource=Resource.OUTPUT_TOKENS, window=Window.MONTH)
    held = reserve(user=alice, team=t1, amounts={Resource.QUESTIONS: 1, Resource.OUTPUT_TOKENS: 400})

    assert settle(held.pk, {Resource.QUESTIONS: 1, Resource.OUTPUT_TOKENS: 37})

    assert counter(Scope.TEAM, Window.MONTH, Resource.OUTPUT_TOKENS) == (37, 0)
    assert sorted(UsageEvent.objects.values_list("resource", "amount")) == [("output_tokens", 37), ("questions", 1)]
    assert not settle(held.pk, {Resource.QUESTIONS: 1})
    assert verify() == []


def test_it_gives_all_back_on_release(alice: User, t1: Team) -> None:
    limit(1)
    held = reserve(user=alice, team=t1, amounts=QUESTION)

    assert release(held.pk)

    assert not release(held.pk)
    assert not settle(held.pk, QUESTION)
    reserve(user=alice, team=t1, amounts=QUESTION)
    assert verify() == []


def test_it_reaps_what_a_dead_worker_held(alice: User, t1: Team) -> None:
    limit(1)
    held = reserve(user=alice, team=t1, amounts=QUESTION)
    Reservation.objects.filter(pk=held.pk).update(expires_at=timezone.now() - timedelta(hours=1))

    assert [one.check for one in verify()] == ["metering.no-stale-reservation"]
    assert reap() == 1

    assert verify() == []
    reserve(user=alice, team=t1, amounts=QUESTION)


def test_it_still_counts_work_that_ends_after_the_expiry(alice: User, t1: Team) -> None:
    held = reserve(user=alice, team=t1, amounts=QUESTION)
    expire(held.pk)

    assert settle(held.pk, QUESTION)

    assert counter(Scope.USER, Window.DAY) == (1, 0)
    assert verify() == []


def test_it_lets_a_named_row_decide_over_the_default_and_the_setting(alice: User, bob: User, t1: Team) -> None:
    limit(0)
    limit(2, user=alice)

    for _ in range(2):
        reserve(user=alice, team=t1, amounts=QUESTION)
    with pytest.raises(QuotaExceeded):
        reserve(user=alice, team=t1, amounts=QUESTION)
    with pytest.raises(QuotaExceeded):
        reserve(user=bob, team=None, amounts=QUESTION)
    limit(2, user=alice, is_enabled=False)
    reserve(user=alice, team=t1, amounts=QUESTION)


def test_it_shows_what_is_left_before_the_limit_is_hit(alice: User, t1: Team) -> None:
    limit(10)
    settle(reserve(user=alice, team=t1, amounts={Resource.QUESTIONS: 2}).pk, {Resource.QUESTIONS: 2})
    reserve(user=alice, team=t1, amounts=QUESTION)

    (left,) = (one for one in remaining(alice, t1) if one.resource == Resource.QUESTIONS)

    assert (left.scope, left.resource, left.window) == (Scope.USER, Resource.QUESTIONS, Window.DAY)
    assert (left.limit, left.used, left.left) == (10, 3, 7)
    assert left.resets_at is not None
    assert left.resets_at > timezone.now()


def test_it_gives_storage_back(alice: User, t1: Team) -> None:
    limit(100, scope=Scope.TEAM, resource=Resource.STORAGE_BYTES, window=Window.TOTAL)
    settle(reserve(user=alice, team=t1, amounts={Resource.STORAGE_BYTES: 90}).pk, {Resource.STORAGE_BYTES: 90})

    add_use(user=alice, team=t1, amounts={Resource.STORAGE_BYTES: -90})

    reserve(user=alice, team=t1, amounts={Resource.STORAGE_BYTES: 100})
    assert verify() == []


def test_it_answers_429_with_the_time_to_wait(alice: User, t1: Team) -> None:
    limit(0, window=Window.MINUTE)

    with pytest.raises(QuotaExceeded) as refused:
        reserve(user=alice, team=t1, amounts=QUESTION)
    request = RequestFactory().get("/", headers={"accept": "application/json"})
    response = problem(request, refused.value)

    body = json.loads(response.content)
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert (body["resource"], body["limit"], body["window"]) == ("questions", 0, "minute")
    assert "questions" in body["detail"]
    with translation.override("zh-hans"):
        assert refused.value.sentence()


def test_it_keeps_the_ledger_of_a_deleted_person(alice: User, t1: Team) -> None:
    held = reserve(user=alice, team=t1, amounts=QUESTION)
    alice.delete()

    assert settle(held.pk, QUESTION)
    assert verify() == []


def test_it_sees_a_counter_that_drifted(alice: User, t1: Team) -> None:
    settle(reserve(user=alice, team=t1, amounts=QUESTION).pk, QUESTION)
    Counter.objects.filter(scope=Scope.USER, window=Window.DAY).update(used=7)

    assert [one.check for one in verify()] == ["metering.ledger-equals-counters"]
