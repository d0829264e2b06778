"""A real worker, killed by SIGKILL while it trains: what was learnt stays, and the next worker goes on from there."""

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
from apps.core.invariants import verify
from apps.images import tasks, training_files
from apps.images.models import ImageJob, Picture
from apps.metering.models import Reservation
from apps.users.models import Team, User
from tests.images.training.conftest import Teach

pytestmark = pytest.mark.django_db(transaction=True)
# A worker's process: the trainer stops for ever at step 15, between its checkpoints after 10 and 20.
WORKER = """
import sys, time
import django
django.setup()
from apps.images import tasks
from apps.runtimes import fake_training
class Hanging(fake_training.Pace):
    def __init__(self, step, loss):
        super().__init__(step, loss)
        if step == 15:
            print("here", flush=True)
            time.sleep(600)
fake_training.Pace = Hanging
tasks.draw_pictures()
"""


def killed() -> None:
    """Have a worker die within a slice, on the test's database and files, and its lease end."""
    name = connection.settings_dict["NAME"]
    setup = (
        f"from django.conf import settings; settings.DATABASES['default']['NAME'] = {name!r}\n"
        f"settings.MEDIA_ROOT = {str(settings.MEDIA_ROOT)!r}\n"
        f"from pathlib import Path; settings.MODELS_DIR = Path({str(settings.MODELS_DIR)!r})\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", setup + WORKER],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).resolve().parents[3],
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "here"
        assert ImageJob.objects.get().state == "running"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        if process.stdout:
            process.stdout.close()
    ImageJob.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_training_goes_on_from_its_checkpoint_after_a_kill(teach: Teach, alice: User, t1: Team) -> None:
    """The bar of issue 6: `kill -9` of the worker refunds and retries."""
    job = teach(alice, t1)

    killed()

    job.refresh_from_db()
    assert job.done == 10
    assert default_storage.exists(f"{training_files._folder(job)}/10.safetensors")
    tasks.poll()
    tasks.draw_pictures()
    job.refresh_from_db()
    assert (job.state, job.done, job.attempts) == (ImageJob.State.DONE, 30, 1), job.error_code
    assert [point["step"] for point in job.plan] == list(range(1, 31))
    assert AIModel.objects.filter(kind=AIModel.Kind.ADAPTER).count() == 1
    assert list(Picture.objects.filter(job=job).order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    assert Reservation.objects.get(pk=job.reservation).state == Reservation.State.SETTLED
    assert [found for found in verify() if found.check.startswith(("images.", "metering."))] == []
