"""security case 39: 50 parallel calls against a budget for 5, of every kind, with mixed keys of one team."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.core.invariants import verify
from apps.metering.errors import QuotaExceeded
from apps.metering.limits import Limit, remove_limit, set_limit
from apps.metering.models import Counter, Reservation, Resource, Scope, UsageEvent, Window
from apps.metering.services import add_use, release, reserve, settle, spend
from apps.metering.tasks import reap
from apps.users.access import KeyLimits, acting_key
from apps.users.models import ApiKey, Membership
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
CALLS, BUDGET = 50, 5


@pytest.fixture
def members(transactional_db: None) -> list[Membership]:
    """Return five members of one team."""
    team = factories.TeamFactory()
    return [factories.MembershipFactory(team=team) for _ in range(5)]


@pytest.fixture
def keys(members: list[Membership]) -> list[ApiKey]:
    """Return three keys of the team, of different people."""
    return [
        ApiKey.objects.create(team=each.team, user=each.user, name="k", prefix=f"zk_{n}", secret_hash="0" * 64)
        for n, each in enumerate(members[:3])
    ]


def together(work: Callable[[int], object], count: int = CALLS) -> list[object]:
    """Return what `work` returned in threads that start together, each with a connection; a refusal as itself."""
    barrier = threading.Barrier(count)

    def run(number: int) -> object:
        barrier.wait()
        try:
            return work(number)
        except QuotaExceeded as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def as_key(key: ApiKey, work: Callable[[], object]) -> object:
    token = acting_key.set(KeyLimits(key.pk, key.team_id, frozenset(), None))
    try:
        return work()
    finally:
        acting_key.reset(token)


@pytest.mark.parametrize(
    ("resource", "each", "window"),
    [
        pytest.param(Resource.QUESTIONS, 1, Window.DAY, id="chat"),
        pytest.param(Resource.PICTURES, 1, Window.DAY, id="picture"),
        pytest.param(Resource.PIXEL_STEPS, 7_340, Window.MONTH, id="pixel-steps"),
        pytest.param(Resource.STORAGE_BYTES, 1_000_000, Window.TOTAL, id="upload-bytes"),
        pytest.param(Resource.AUDIO_SECONDS, 60, Window.MONTH, id="audio"),
        pytest.param(Resource.API_CALLS, 1, Window.DAY, id="api"),
        pytest.param(Resource.GENERATIONS, 1, Window.TOTAL, id="at-the-same-time"),
    ],
)
def test_it_admits_five_of_fifty_of_mixed_members_and_keys(
    resource: Resource, each: int, window: Window, members: list[Membership], keys: list[ApiKey]
) -> None:
    """security case 39: exactly 5 admitted, 45 refused with 429 and Retry-After."""
    team = members[0].team
    set_limit(Limit(Scope.TEAM, resource, window, BUDGET * each, team=team))

    def call(number: int) -> object:
        if number % 2:
            return reserve(user=members[number % 5].user, team=team, amounts={resource: each})
        key = keys[number % 3]
        return as_key(key, lambda: reserve(user=key.user, team=team, amounts={resource: each}))

    outcomes = together(call)

    refused = [one for one in outcomes if isinstance(one, QuotaExceeded)]
    assert len(refused) == CALLS - BUDGET
    assert {one.status for one in refused} == {429}
    assert all(int(one.headers()["Retry-After"]) >= 1 for one in refused)
    assert Reservation.objects.count() == BUDGET
    assert verify() == []


def test_it_spends_five_of_fifty(members: list[Membership]) -> None:
    """security case 39: calls that are reserved and settled in one go."""
    set_limit(Limit(Scope.TEAM, Resource.API_CALLS, Window.MONTH, BUDGET, team=members[0].team))

    together(lambda n: spend(user=members[n % 5].user, team=members[0].team, amounts={Resource.API_CALLS: 1}))

    assert UsageEvent.objects.count() == BUDGET
    assert verify() == []


def test_it_admits_five_again_after_cancels(members: list[Membership]) -> None:
    """security case 39: what was cancelled is there again, and no more."""
    team = members[0].team
    set_limit(Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, BUDGET, team=team))

    def call(number: int) -> object:
        return reserve(user=members[number % 5].user, team=team, amounts={Resource.QUESTIONS: 1})

    for held in [one for one in together(call) if not isinstance(one, QuotaExceeded)]:
        release(held.pk)
    again = [one for one in together(call) if not isinstance(one, QuotaExceeded)]

    assert len(again) == BUDGET
    assert verify() == []


KILLED = """
import os, signal, sys
import django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from apps.metering.models import Resource
from apps.metering.services import reserve
from apps.users.models import Membership
member = Membership.objects.select_related("user", "team").get(pk=sys.argv[2])
from django.db import transaction
if sys.argv[3] == "inside":
    transaction.set_autocommit(False)
reserve(user=member.user, team=member.team, amounts={Resource.QUESTIONS: 1})
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["inside", "after"])
def test_it_gives_back_what_a_killed_process_held(when: str, members: list[Membership]) -> None:
    """security case 39: kill -9 inside the transaction holds nothing; after it, the reaper gives it back."""
    set_limit(Limit(Scope.TEAM, Resource.QUESTIONS, Window.DAY, BUDGET, team=members[0].team))
    name = str(connection.settings_dict["NAME"])

    done = subprocess.run(
        [sys.executable, "-c", KILLED, name, str(members[0].pk), when],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert Reservation.objects.count() == (when == "after")
    Reservation.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    assert reap() == (when == "after")
    assert not Counter.objects.exclude(held=0).exists()
    assert verify() == []


def test_it_stays_exact_while_limits_come_and_go(members: list[Membership]) -> None:
    """A limit that is made amid the work counts all of it: neither what was before it nor what runs is lost."""
    team = members[0].team
    ended = threading.Event()

    def change(_: int) -> None:
        for scope in (Scope.TEAM, Scope.MEMBER, Scope.SYSTEM, Scope.USER) * 3:
            quota = set_limit(Limit(scope, Resource.OUTPUT_TOKENS, Window.DAY, 1_000_000))
            if scope != Scope.TEAM:
                remove_limit(quota)
        ended.set()

    def work(number: int) -> None:
        member = members[number % 5]
        while not ended.is_set():
            held = reserve(user=member.user, team=team, amounts={Resource.OUTPUT_TOKENS: 10, Resource.QUESTIONS: 1})
            settle(held.pk, {Resource.OUTPUT_TOKENS: number})
            add_use(user=member.user, team=team, amounts={Resource.OUTPUT_TOKENS: 1})

    together(lambda number: change(number) if number == 0 else work(number), 7)

    assert verify() == []
    used = sum(UsageEvent.objects.filter(resource=Resource.OUTPUT_TOKENS).values_list("amount", flat=True))
    assert Counter.objects.get(scope=Scope.TEAM, resource=Resource.OUTPUT_TOKENS).used == used


@pytest.fixture(autouse=True)
def _closed(transactional_db: None) -> Iterator[None]:
    yield
    connection.close()
