"""A real worker, killed by SIGKILL while a model writes for a story: what was written stays, the rest goes on."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.images import scenes, stories_work
from apps.images.models import Story
from apps.libraries.models import Document
from apps.users.models import Team, User
from tests.images.assistant.tales import GOOD, begun, worked

pytestmark = pytest.mark.django_db(transaction=True)
# A worker's process: finds the scenes, writes the first prompt, and stops for ever within the second.
WORKER = """
import sys, time
import django
django.setup()
from apps.images import stories_work
from apps.images.assistant.craft import Written
calls = []
def write(*args):
    calls.append(args)
    if len(calls) > 1:
        print("here", flush=True)
        time.sleep(600)
    return Written("kept", "")
stories_work.write = write
while stories_work.work_one():
    pass
"""


def test_a_story_goes_on_after_its_worker_was_killed(alice: User, t1: Team, tale: Document) -> None:
    story = begun(alice, t1, tale)
    name = connection.settings_dict["NAME"]
    setup = (
        f"from django.conf import settings; settings.DATABASES['default']['NAME'] = {name!r}\n"
        f"settings.MEDIA_ROOT = {str(settings.MEDIA_ROOT)!r}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", setup + WORKER], stdout=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}, cwd=settings.BASE_DIR,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        if process.stdout:
            process.stdout.close()

    assert stories_work.take_back() == 0  # its lease still runs
    Story.objects.filter(pk=story.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert stories_work.take_back() == 1
    worked(GOOD)
    story.refresh_from_db()
    assert story.state == "done"
    assert [scene.prompt for scene in scenes.scenes_of(story)] == ["kept", "a fox, fur, snow, sharp, photo, red, dusk"]


def test_a_lease_is_renewed_while_a_model_writes_and_fences_off_who_lost_it(
    alice: User, t1: Team, tale: Document
) -> None:
    begun(alice, t1, tale)
    held = stories_work._claim()
    assert held is not None
    before = held.until
    held.renew()

    assert held.until > before
    assert held.is_held()
    Story.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert stories_work.take_back() == 1
    other = stories_work._claim()
    held.renew()
    held.end(state="failed")
    assert other is not None
    assert other.is_held()
    assert not held.is_held()
