"""Cancelling: at once while a job waits, within one step while it is drawn, and nobody else's."""

import pytest

from apps.core.errors import NotFound
from apps.core.invariants import verify
from apps.images import live, services, tasks
from apps.images.models import ImageJob, Picture
from apps.metering.models import Reservation, Resource, UsageEvent
from apps.runtimes.drawing import Drawing, OnStep, Progress
from apps.runtimes.fake_images import FakeImageModel
from apps.users.models import Team, User
from tests.images.conftest import Place


def used(resource: Resource) -> int:
    return sum(UsageEvent.objects.filter(resource=resource).values_list("amount", flat=True))


def sound() -> bool:
    return [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


def test_it_ends_a_waiting_job_at_once_and_gives_all_back(place: Place, alice: User, t1: Team) -> None:
    job = place(alice, count=3)

    assert services.cancel(user=alice, job=job)

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("cancelled", "image-cancelled")
    assert Reservation.objects.get().state == "released"
    assert used(Resource.PICTURES) == 0
    tasks.draw_pictures()
    assert not Picture.objects.exists()
    assert not services.cancel(user=alice, job=job)
    assert sound()


def test_it_stops_within_one_step_and_counts_what_was_drawn(
    place: Place, fake: FakeImageModel, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar of issue 6: cancel <= 1 step."""
    job = place(alice, count=3, steps=10, width=80, height=80)
    steps: list[int] = []
    draw = FakeImageModel.draw

    def watched(model: FakeImageModel, drawing: Drawing, on_step: OnStep) -> object:
        def step(progress: Progress) -> None:
            if len(fake.drawn) == 2 and progress.step == 4:
                services.cancel(user=alice, job=job)
            steps.append(progress.step)
            on_step(progress)

        return draw(model, drawing, step)

    monkeypatch.setattr(FakeImageModel, "draw", watched)
    tasks.draw_pictures()

    job.refresh_from_db()
    assert steps == [*range(1, 11), 1, 2, 3, 4]
    assert (job.state, job.done) == ("cancelled", 1)
    assert Picture.objects.filter(job=job).count() == 1
    one = 80 * 80 * 10 / 1_000
    assert used(Resource.PICTURES) == 1
    assert used(Resource.PIXEL_STEPS) == one + one * 4 // 10
    assert sound()


def test_it_hears_of_a_cancellation_from_the_row_where_the_cache_forgot(
    place: Place, fake: FakeImageModel, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = place(alice, steps=10)
    monkeypatch.setattr("apps.images.jobs.LOOK_S", 0.0)
    monkeypatch.setattr("apps.images.live.ask_to_stop", lambda _job: None)
    monkeypatch.setattr(
        live, "show", lambda _job, shown: services.cancel(user=alice, job=job) if shown.step == 1 else None
    )

    tasks.draw_pictures()

    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not Picture.objects.exists()


@pytest.mark.usefixtures("fake")
def test_it_never_stops_anothers_job(place: Place, alice: User, ada: User, bob: User, t1: Team, t2: Team) -> None:
    """Security case 7: nobody cancels, retries or dismisses what is not theirs, admins of the team included."""
    mine, theirs = place(alice), place(bob)

    for person in (bob, ada):
        for act in (services.cancel, services.retry):
            with pytest.raises(NotFound):
                act(user=person, job=mine)
        services.dismiss(user=person, job=mine)
    services.cancel(user=bob, job=theirs)
    tasks.draw_pictures()

    mine.refresh_from_db()
    assert (mine.state, mine.is_dismissed) == ("done", False)


def test_it_cancels_all_of_the_persons_own_orders(place: Place, alice: User, ed: User, bob: User, t1: Team) -> None:
    for person in (alice, alice, ed, bob):
        place(person)

    assert services.cancel_all(user=alice, team=t1) == 2

    assert sorted(ImageJob.objects.values_list("owner__name", "state")) == [
        ("Alice", "cancelled"), ("Alice", "cancelled"), ("Bob", "queued"), ("Ed", "queued"),
    ]  # fmt: skip


def test_it_takes_a_flag_in_the_cache_for_nothing_without_the_row(
    place: Place, fake: FakeImageModel, alice: User
) -> None:
    """A flag left by somebody, or by a former job, stops nothing that its owner did not cancel."""
    job = place(alice)
    live.ask_to_stop(job.pk)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert job.state == "done"
