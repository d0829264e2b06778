"""How long orders are listed: some months after they ended, their pictures for as long as people keep them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.core.invariants import verify
from apps.images import jobs, tasks
from apps.images.models import ImageJob, Picture, Scene, Story
from apps.libraries.models import Document
from apps.users.models import Team, User
from tests.images.conftest import Place


@pytest.fixture
def old(place: Place, alice: User, t1: Team, settings: Any) -> ImageJob:
    """Return an order that was drawn long ago."""
    job = place(alice, t1, count=2)
    tasks.draw_pictures()
    ImageJob.objects.update(finished_at=timezone.now() - timedelta(days=settings.ENV.image_job_days, minutes=1))
    return job


def test_it_forgets_orders_and_keeps_their_pictures(old: ImageJob, place: Place, alice: User, t1: Team) -> None:
    young, waiting = place(alice, t1), None
    tasks.draw_pictures()
    waiting = place(alice, t1)

    tasks.purge()

    assert set(ImageJob.objects.values_list("pk", flat=True)) == {young.pk, waiting.pk}
    assert Picture.objects.filter(job=None, owner=alice).count() == 2
    assert [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


def test_it_keeps_what_is_looked_up_by_them(
    old: ImageJob, place: Place, alice: User, t1: Team, document: Document
) -> None:
    story = Story.objects.create(team=t1, owner=alice, document=document)
    Scene.objects.create(story=story, number=1, text="x", job=old)
    ended = {"finished_at": timezone.now() - timedelta(days=1_000), "team": t1, "owner": alice, "kind": "train"}
    ImageJob.objects.create(state="done", **ended)
    ImageJob.objects.create(state="failed", **ended)

    assert jobs.purge() == 1

    assert set(ImageJob.objects.values_list("state", "kind")) == {("done", "draw"), ("done", "train")}
