"""Real workers, killed by SIGKILL while they draw: what was drawn stays, the rest is drawn again, nothing is lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.core.invariants import verify
from apps.images import files, services, tasks
from apps.images.models import ImageJob, Picture
from apps.metering.models import Reservation, Resource, UsageEvent
from apps.users.models import Membership
from tests import factories
from tests.images.conftest import order

pytestmark = pytest.mark.django_db(transaction=True)
# A worker's process: it does what the task does, and stops for ever at the place that the test names.
WORKER = """
import sys, time
import django
django.setup()
from apps.images import files, jobs, tasks
from apps.runtimes.fake_images import FakeImageModel
def hang(*args, **kwargs):
    print("here", flush=True)
    time.sleep(600)
place = sys.argv[1]
if place == "draw":
    draw = FakeImageModel.draw
    def second(model, drawing, on_step):
        return hang() if model.drawn else draw(model, drawing, on_step)
    FakeImageModel.draw = second
if place == "file":
    write = files.write
    def written(*args):
        write(*args)
        hang()
    files.write = written
if place == "row":
    jobs.give_back = hang
if place == "end":
    jobs.finish = hang
tasks.draw_pictures()
"""


@contextmanager
def worker(place: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker on the test's database until it hangs at `place`; whatever happens, it is gone afterwards."""
    name = connection.settings_dict["NAME"]
    setup = (
        f"from django.conf import settings; settings.DATABASES['default']['NAME'] = {name!r}\n"
        f"settings.MEDIA_ROOT = {str(settings.MEDIA_ROOT)!r}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", setup + WORKER, place],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).resolve().parents[3],
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def killed(place: str) -> None:
    """Have a worker die at a place, and its lease end."""
    with worker(place) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "here"
        assert ImageJob.objects.filter(state="running").exists()
    ImageJob.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def job(transactional_db: None, image_model: AIModel) -> ImageJob:
    """Return a waiting job of three pictures."""
    member: Membership = factories.MembershipFactory()
    return services.place_order(user=member.user, team=member.team, order=order(count=3, seed=1))


def sound() -> bool:
    return [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


@pytest.mark.parametrize(("place", "kept"), [("draw", 1), ("file", 0), ("row", 1), ("end", 3)])
def test_it_draws_what_is_missing_after_a_worker_was_killed(job: ImageJob, place: str, kept: int) -> None:
    """Security-cases section 2, rows 1 and 2; the bar of issue 6: `kill -9` of the worker refunds and retries."""
    killed(place)
    assert Picture.objects.count() == kept
    early = {picture.pk: picture.sha256 for picture in Picture.objects.all()}

    tasks.poll()
    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.done, job.attempts) == ("done", 3, 1)
    now = {picture.pk: picture.sha256 for picture in Picture.objects.all()}
    assert len(now) == 3
    assert early.items() <= now.items()
    assert sorted(Picture.objects.values_list("number", "seed")) == [(0, 1), (1, 2), (2, 3)]
    counted = UsageEvent.objects.filter(resource=Resource.PICTURES).values_list("amount", flat=True)
    assert sum(counted) == 3
    assert not Reservation.objects.filter(state="open").exists()
    assert sound()
    assert files.remove_orphans(timedelta(0)) == (2 if place == "file" else 0)
    assert len(default_storage.listdir(f"images/{job.team_id}")[1]) == 6


def test_it_gives_up_and_gives_back_after_three_killed_workers(job: ImageJob) -> None:
    """Security-cases section 2, row 5: what brings workers down is parked, and the next one proceeds."""
    for _attempt in range(3):
        killed("draw" if not Picture.objects.exists() else "file")
        tasks.poll()

    job.refresh_from_db()
    assert (job.state, job.error_code, job.done) == ("failed", "image-worker-lost", 1)
    assert sum(UsageEvent.objects.filter(resource=Resource.PICTURES).values_list("amount", flat=True)) == 1
    assert not Reservation.objects.filter(state="open").exists()
    assert sound()


def test_it_ends_a_job_that_was_cancelled_while_its_worker_was_dead(job: ImageJob) -> None:
    killed("draw")
    services.cancel(user=job.owner, job=job)

    tasks.poll()

    job.refresh_from_db()
    assert (job.state, job.done) == ("cancelled", 1)
    assert sound()
