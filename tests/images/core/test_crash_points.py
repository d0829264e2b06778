"""Workers killed by SIGKILL at each crash point of a picture: nothing is lost, counted twice or there twice.

security-cases section 2, rows 1 and 2; case 39: what a dead worker held is given back or drawn by the next one.
"""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.core import crash
from apps.core.invariants import verify
from apps.images import files, services, tasks
from apps.images.models import ImageJob, Picture
from apps.metering.models import Counter, Reservation, Resource, UsageEvent
from apps.users.models import Membership
from tests import factories
from tests.images.conftest import order

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = """
import django
django.setup()
from apps.images import tasks
tasks.draw_pictures()
"""
COUNT = 3


def worked() -> int:
    """Run a worker on the test's database and files until nothing waits or it dies; returns its exit code."""
    setup = (
        "from pathlib import Path\nfrom django.conf import settings\n"
        f"settings.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r}\n"
        f"settings.MEDIA_ROOT = {str(settings.MEDIA_ROOT)!r}\nsettings.VAR_DIR = Path({str(settings.VAR_DIR)!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", setup + WORKER],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "KB_TESTING": "1", "KB_CRASH_AT": "*"},
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr[-2_000:]
    return done.returncode


@pytest.fixture
def job(transactional_db: None, image_model: AIModel) -> ImageJob:
    """Return a waiting job of some pictures."""
    member: Membership = factories.MembershipFactory()
    return services.place_order(user=member.user, team=member.team, order=order(count=COUNT, seed=1))


def used(resource: Resource) -> int:
    return sum(UsageEvent.objects.filter(resource=resource).values_list("amount", flat=True))


@pytest.mark.parametrize("point", crash.PICTURES)
def test_a_job_is_drawn_once_whoever_died(job: ImageJob, point: str) -> None:
    held = job.pixel_steps
    crash.arm(point)

    assert worked() == -signal.SIGKILL
    assert not crash.is_armed(point)
    early = {picture.pk: picture.sha256 for picture in Picture.objects.all()}
    assert len(early) == (1 if point in {"picture-kept", "picture-settled"} else 0)
    ImageJob.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.poll()
    assert worked() == 0

    job.refresh_from_db()
    died_holding = point != "picture-settled"  # there the job was given back already
    assert (job.state, job.done, job.attempts) == ("done", COUNT, int(died_holding))
    assert early.items() <= {picture.pk: picture.sha256 for picture in Picture.objects.all()}.items()
    assert sorted(Picture.objects.values_list("number", "seed")) == [(0, 1), (1, 2), (2, 3)]
    assert (used(Resource.PICTURES), used(Resource.PIXEL_STEPS)) == (COUNT, held)
    assert not Reservation.objects.filter(state="open").exists()
    assert set(Counter.objects.values_list("held", flat=True)) <= {0}
    assert [found for found in verify() if found.check.startswith(("images.", "metering."))] == []
    assert files.remove_orphans(timedelta(0)) == (2 if point == "picture-stored" else 0)
    assert len(default_storage.listdir(f"images/{job.team_id}")[1]) == 2 * COUNT


@pytest.mark.parametrize("point", crash.PICTURES[:3])
def test_a_job_that_brings_three_workers_down_is_given_up_and_refunded(job: ImageJob, point: str) -> None:
    for _attempt in range(3):
        crash.arm(point)
        assert worked() == -signal.SIGKILL
        ImageJob.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))
        tasks.poll()

    job.refresh_from_db()
    kept = Picture.objects.count()
    assert (job.state, job.error_code) == ("failed", "image-worker-lost")
    assert kept == (3 if point == "picture-kept" else 0)
    assert used(Resource.PICTURES) == kept
    assert not Reservation.objects.filter(state="open").exists()
    assert worked() == 0
    assert Picture.objects.count() == kept
