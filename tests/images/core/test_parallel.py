"""Many at once: quota never overshoots, the queue never overflows, workers never draw a picture twice."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from apps.catalog.models import AIModel
from apps.core.errors import AppError
from apps.core.invariants import verify
from apps.images import errors, jobs, live, services, tasks, work
from apps.images.models import ImageJob, Picture
from apps.metering.errors import QuotaExceeded
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Counter, Reservation, Resource, Scope, UsageEvent, Window
from apps.runtimes.drawing import Drawing, OnStep
from apps.runtimes.fake_images import FakeImageModel
from apps.users.models import Membership
from tests import factories
from tests.images.conftest import order

pytestmark = pytest.mark.django_db(transaction=True)
CALLS, BUDGET = 30, 5


@pytest.fixture
def members(transactional_db: None, image_model: AIModel) -> list[Membership]:
    """Return three members of one team, and the model."""
    team = factories.TeamFactory()
    return [factories.MembershipFactory(team=team) for _ in range(3)]


def together(work_of: Callable[[int], object], count: int = CALLS) -> list[object]:
    """Return what `work_of` returned in threads that start together, each with a connection; a refusal as itself."""
    barrier = threading.Barrier(count)

    def run(number: int) -> object:
        barrier.wait()
        try:
            return work_of(number)
        except AppError as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def sound() -> bool:
    return [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


def test_it_admits_exactly_what_the_quota_allows(members: list[Membership]) -> None:
    """Security case 39: a budget for 5 pictures, 30 parallel orders of several people of one team."""
    set_limit(Limit(Scope.TEAM, Resource.PICTURES, Window.DAY, BUDGET, team=members[0].team), actor=None)

    results = together(lambda n: services.place_order(user=members[n % 3].user, team=members[0].team, order=order()))

    refused = [each for each in results if isinstance(each, QuotaExceeded)]
    assert (len(refused), ImageJob.objects.count()) == (CALLS - BUDGET, BUDGET)
    assert all(each.status == 429 and "Retry-After" in each.headers() for each in refused)
    assert Reservation.objects.filter(state="open").count() == BUDGET
    tasks.draw_pictures()
    drawn = UsageEvent.objects.filter(resource=Resource.PICTURES).values_list("amount", flat=True)
    assert sum(drawn) == BUDGET == Picture.objects.count()
    counter = Counter.objects.get(scope=Scope.TEAM, resource=Resource.PICTURES)
    assert (counter.used, counter.held) == (BUDGET, 0)
    assert sound()


def test_it_never_lets_more_wait_than_the_queue_holds(
    members: list[Membership], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings.ENV, "image_queue_team", BUDGET)

    results = together(lambda n: services.place_order(user=members[n % 3].user, team=members[0].team, order=order()))

    assert sum(isinstance(each, errors.QueueFull) for each in results) == CALLS - BUDGET
    assert ImageJob.objects.count() == BUDGET == Reservation.objects.count()


def test_it_draws_each_picture_once_with_many_workers(members: list[Membership]) -> None:
    for n in range(6):
        services.place_order(user=members[n % 3].user, team=members[0].team, order=order(count=4))

    def drawn(_number: int) -> int:
        count = 0
        while (held := jobs.claim()) is not None:
            work.work_on(held)
            count += 1
        return count

    results = together(drawn, 4)

    assert sum(int(str(each)) for each in results) == 24
    assert Picture.objects.count() == 24
    assert set(ImageJob.objects.values_list("state", "done")) == {("done", 4)}
    assert sum(UsageEvent.objects.filter(resource=Resource.PICTURES).values_list("amount", flat=True)) == 24
    assert sound()


def test_it_cancels_and_draws_at_the_same_moment_without_harm(members: list[Membership]) -> None:
    """Whoever is first wins; the sums are right either way."""
    team = members[0].team
    placed = [services.place_order(user=members[0].user, team=team, order=order(count=3)) for _ in range(8)]

    def act(number: int) -> object:
        if number % 2:
            return [services.cancel(user=members[0].user, job=job) for job in placed]
        while (held := jobs.claim()) is not None:
            work.work_on(held)
        return None

    together(act, 4)
    tasks.draw_pictures()

    assert set(ImageJob.objects.values_list("state", flat=True)) <= {"done", "cancelled"}
    counted = UsageEvent.objects.filter(resource=Resource.PICTURES).values_list("amount", flat=True)
    assert sum(counted) == Picture.objects.count()
    assert not Reservation.objects.filter(state="open").exists()
    assert sound()


def test_it_draws_one_picture_at_a_time_in_a_process(members: list[Membership]) -> None:
    for _ in range(4):
        services.place_order(user=members[0].user, team=members[0].team, order=order(count=2))
    under_way, most = [0], [0]
    lock, draw = threading.Lock(), work.work_on

    def counting(held: jobs.Held) -> None:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        draw(held)
        with lock:
            under_way[0] -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "work_on", counting)
        together(lambda _n: tasks.draw_pictures(), 4)

    assert most == [1]
    assert Picture.objects.count() == 8


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hold the first drawing until told; yields (it has begun, let it go on)."""
    begun, go_on = threading.Event(), threading.Event()
    draw, is_first = FakeImageModel.draw, [True]

    def held(model: FakeImageModel, drawing: Drawing, on_step: OnStep) -> object:
        if is_first:
            is_first.clear()
            begun.set()
            go_on.wait(30)
        return draw(model, drawing, on_step)

    monkeypatch.setattr(FakeImageModel, "draw", held)
    yield begun, go_on
    go_on.set()


def _in_thread(target: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            target()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_it_fences_off_a_worker_that_was_only_slow(
    members: list[Membership],
    slow: tuple[threading.Event, threading.Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Section 2, row 8 (SIGSTOP): the first worker wakes up when another has drawn all: nothing is there twice."""
    begun, go_on = slow
    monkeypatch.setattr(jobs, "BEAT_S", 60.0)
    job = services.place_order(user=members[0].user, team=members[0].team, order=order(count=2))
    thread = _in_thread(tasks.draw_pictures)
    assert begun.wait(30)
    ImageJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    tasks.poll()
    while (held := jobs.claim()) is not None:  # another process
        work.work_on(held)
    go_on.set()
    thread.join(30)

    job.refresh_from_db()
    assert (job.state, job.done, job.attempts) == ("done", 2, 1)
    assert Picture.objects.count() == 2
    assert len(default_storage.listdir(f"images/{job.team_id}")[1]) == 4  # two pictures, two thumbnails
    assert sum(UsageEvent.objects.filter(resource=Resource.PICTURES).values_list("amount", flat=True)) == 2
    assert sound()


def test_it_holds_its_lease_while_it_draws(
    members: list[Membership], slow: tuple[threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = slow
    monkeypatch.setattr(jobs, "BEAT_S", 0.05)
    services.place_order(user=members[0].user, team=members[0].team, order=order())
    thread = _in_thread(tasks.draw_pictures)
    assert begun.wait(30)
    gone = timezone.now() - timedelta(seconds=1)
    ImageJob.objects.update(lease_until=gone)
    until = time.monotonic() + 20
    while ImageJob.objects.get().lease_until == gone and time.monotonic() < until:
        time.sleep(0.02)

    tasks.poll()
    go_on.set()
    thread.join(30)

    job = ImageJob.objects.get()
    assert (job.state, job.attempts) == ("done", 0)


def test_it_cancels_a_running_job_from_another_connection(
    members: list[Membership], slow: tuple[threading.Event, threading.Event]
) -> None:
    begun, go_on = slow
    job = services.place_order(user=members[0].user, team=members[0].team, order=order(count=2))
    other = services.place_order(user=members[1].user, team=members[0].team, order=order())
    thread = _in_thread(tasks.draw_pictures)
    assert begun.wait(30)

    services.cancel(user=members[0].user, job=job)
    go_on.set()
    thread.join(30)

    job.refresh_from_db()
    other.refresh_from_db()
    assert (job.state, job.done, other.state) == ("cancelled", 0, "done")
    assert live.progress_of([job.pk, other.pk]) == {}
    assert sound()


def test_it_keeps_what_waits_from_losing_its_quota(members: list[Membership]) -> None:
    services.place_order(user=members[0].user, team=members[0].team, order=order())
    soon = timezone.now() + timedelta(seconds=5)
    Reservation.objects.update(expires_at=soon)

    tasks.poll()

    assert Reservation.objects.get().expires_at > soon + timedelta(minutes=10)


def test_it_takes_a_job_up_again_after_the_database_went_away(
    members: list[Membership], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 2, rows 13 and 14: what broke off is not called a failure of the model; it is drawn when it is back."""
    job = services.place_order(user=members[0].user, team=members[0].team, order=order())
    draw, is_away = FakeImageModel.draw, [True]

    def broken(model: FakeImageModel, drawing: Drawing, on_step: OnStep) -> object:
        if is_away:
            is_away.clear()
            raise OperationalError("the connection is closed")
        return draw(model, drawing, on_step)

    monkeypatch.setattr(FakeImageModel, "draw", broken)
    tasks.draw_pictures()
    job.refresh_from_db()
    assert job.state == "running"
    ImageJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    tasks.poll()
    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 1)
    assert sound()


def test_it_draws_where_valkey_cannot_be_reached(members: list[Membership], monkeypatch: pytest.MonkeyPatch) -> None:
    job = services.place_order(user=members[0].user, team=members[0].team, order=order())

    def away(*_args: object, **_fields: object) -> None:
        raise RedisConnectionError("refused")

    with monkeypatch.context() as patch:
        for name in ("get", "get_many", "set", "delete_many"):
            patch.setattr(cache, name, away)
        tasks.draw_pictures()
        services.cancel(user=job.owner, job=job)

    job.refresh_from_db()
    assert job.state == "done"
