"""Whose turn it is: no team waits for another's many jobs, and nobody for a colleague's."""

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog.models import AIModel
from apps.images import jobs, pace, queueing, standing
from apps.images.errors import QueueFull
from apps.images.models import ImageJob, ImageTurn
from apps.users.models import Team, User
from tests import factories
from tests.images.conftest import Place

PICTURE_S = 10.0


class Worker:
    """Draws by a clock of its own: each picture takes PICTURE_S. `ended` tells when each job was done."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ended: dict[object, float] = {}
        self.order: list[object] = []

    def draw_one(self) -> bool:
        """Draw the picture whose turn it is."""
        held = jobs.claim()
        if held is None:
            return False
        self.order.append(held.job.pk)
        self.now += PICTURE_S
        held.rows().update(done=held.job.done + 1)
        if held.job.done + 1 == held.job.total:
            jobs.finish(held, PICTURE_S)
            self.ended[held.job.pk] = self.now
        else:
            jobs.give_back(held, PICTURE_S)
        queueing.account(held.turn, PICTURE_S)
        return True

    def draw_all(self, count: int = 10_000) -> None:
        """Draw until nothing waits, or so many pictures."""
        for _picture in range(count):
            if not self.draw_one():
                return


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    # Jobs here have no pictures, only counts.
    monkeypatch.setattr("apps.images.settling.cost_so_far", lambda _job: jobs.settling.Cost())
    return Worker()


@pytest.mark.parametrize("pictures", [1, 3])
def test_it_serves_one_job_within_three_times_its_solo_time_beside_twenty(
    worker: Worker, place: Place, alice: User, bob: User, pictures: int
) -> None:
    """The bar of issue 6: two teams, 20 jobs against 1."""
    for _job in range(20):
        place(alice, count=4)
    worker.draw_all(7)  # the twenty are under way
    asked_at = worker.now
    one = place(bob, count=pictures)

    worker.draw_all()

    solo = pictures * PICTURE_S
    assert worker.ended[one.pk] - asked_at <= 3 * solo
    assert not ImageJob.objects.exclude(state="done").exists()


def test_it_owes_nobody_for_what_was_drawn_while_nobody_else_waited(
    worker: Worker, place: Place, alice: User, bob: User
) -> None:
    """Idleness earns nothing: after an hour of bob's, alice does not hold the worker for an hour, nor bob."""
    for _job in range(20):
        place(bob, count=4)
    worker.draw_all()
    mine = place(alice, count=4)
    theirs = place(bob, count=4)
    began = len(worker.order)

    worker.draw_all()

    assert [worker.order[began:].count(job.pk) for job in (mine, theirs)] == [4, 4]
    assert abs(worker.ended[mine.pk] - worker.ended[theirs.pk]) <= 2 * PICTURE_S


def test_it_shares_among_many_teams(worker: Worker, place: Place) -> None:
    members = [factories.MembershipFactory() for _team in range(5)]
    for member in members[:4]:
        for _job in range(5):
            place(member.user, member.team, count=4)
    worker.draw_all(9)
    asked_at = worker.now
    last = place(members[4].user, members[4].team, count=2)

    worker.draw_all()

    assert worker.ended[last.pk] - asked_at <= 2 * 5 * PICTURE_S


def test_it_shares_within_a_team_between_its_people(worker: Worker, place: Place, alice: User, ed: User) -> None:
    for _job in range(10):
        place(alice, count=4)
    worker.draw_all(3)
    asked_at = worker.now
    one = place(ed, count=2)

    worker.draw_all()

    assert worker.ended[one.pk] - asked_at <= 3 * 2 * PICTURE_S


def test_it_keeps_the_order_of_one_persons_jobs(worker: Worker, place: Place, alice: User, t1: Team) -> None:
    placed = [place(alice, count=2) for _job in range(3)]

    worker.draw_all()

    assert worker.order == [job.pk for job in placed for _picture in range(2)]


def test_it_counts_what_a_slice_really_took(place: Place, alice: User, t1: Team) -> None:
    place(alice, count=2)
    held = jobs.claim()
    assert held is not None
    expected = ImageTurn.objects.get(team=t1, owner=None).ended
    assert expected == pace.UNKNOWN_S

    queueing.account(held.turn, 60.0)

    assert {turn.ended for turn in ImageTurn.objects.filter(team=t1)} == {60.0}


def test_it_tells_where_jobs_stand_as_they_will_be_drawn(
    worker: Worker, place: Place, alice: User, bob: User, ed: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "paces", lambda: dict.fromkeys(AIModel.objects.values_list("pk", flat=True), 1.7))
    placed = [
        place(alice, count=3),
        place(alice),
        place(bob, count=2),
        place(ed, count=2),
    ]  # 17,000 pixel-steps each
    worker.draw_all(2)
    told = standing.standing(ImageJob.objects.all())
    asked_at = worker.now
    seen = list(dict.fromkeys(worker.order))

    worker.draw_all()

    later = list(dict.fromkeys(worker.order[2:]))
    assert len(seen) == 2
    for job in placed:
        assert told[job.pk].seconds == worker.ended[job.pk] - asked_at, job
        assert told[job.pk].position == later.index(job.pk) + 1
    assert standing.standing(ImageJob.objects.all()) == {}


def test_it_says_nothing_of_times_that_nobody_knows(place: Place, alice: User, t1: Team) -> None:
    job = place(alice)

    assert standing.standing([job])[job.pk] == standing.Standing(1, None)


def test_it_asks_little_to_tell_where_jobs_stand(place: Place, alice: User, t1: Team) -> None:
    placed = [place(alice) for _job in range(6)]

    with CaptureQueriesContext(connection) as first:
        standing.standing(placed)
    with CaptureQueriesContext(connection) as second:
        standing.standing(placed)

    assert (len(first), len(second)) == (3, 0)


@pytest.mark.parametrize("limit", ["image_queue_person", "image_queue_team"])
def test_it_lets_only_so_many_wait(
    place: Place, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(settings.ENV, limit, 2)
    place(alice)
    place(alice)

    with pytest.raises(QueueFull) as refused:
        place(alice)

    assert refused.value.status == 429
    assert "Retry-After" in refused.value.headers()
    place(bob)
