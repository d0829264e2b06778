"""The person's queue on the page: all of it stopped, cleared and brought back; a grid as tables and as one picture."""

import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from apps.catalog.models import AIModel
from apps.images import gallery, tasks
from apps.images.models import ImageJob, Picture
from apps.images.runs import SHOWN, recent_jobs
from apps.users.models import Team, User

SMALL = {"prompt": "a red circle", "model": "fake-image", "width": 64, "height": 64, "steps": 4}
AXES = [{"kind": "steps", "values": "2, 3"}, {"kind": "guidance", "values": "3, 5, 7"}]


@pytest.fixture(autouse=True)
def _model(image_model: AIModel) -> None:
    """Let there be a model."""


def draw(client: Client, **fields: Any) -> ImageJob:
    answer = client.post("/images/draw/", json.dumps(SMALL | fields), content_type="application/json")
    return ImageJob.objects.get(pk=answer.json()["job"])


def events(answer: Any) -> Any:
    return json.loads(answer.headers["HX-Trigger"])


def test_it_stops_all_of_the_persons_orders_and_nobody_elses(ann_client: Client, ed_client: Client) -> None:
    theirs = draw(ed_client)
    mine = [draw(ann_client), draw(ann_client)]
    ImageJob.objects.filter(pk=mine[0].pk).update(state="running", lease_owner="w")

    told = events(ann_client.post("/images/jobs/cancel/"))

    assert told["kb:toast"]["text"] == "2 orders were stopped. What was drawn is kept."
    for job in (*mine, theirs):
        job.refresh_from_db()
    assert mine[0].cancel_asked_at is not None  # the worker ends it within a step
    assert mine[1].state == "cancelled"
    assert theirs.state == "queued"


def test_it_leaves_trainings_alone(ann_client: Client, ann: User, t1: Team) -> None:
    training = ImageJob.objects.create(team=t1, owner=ann, kind="train")
    ended = ImageJob.objects.create(team=t1, owner=ann, kind="train", state="done")

    ann_client.post("/images/jobs/cancel/")
    ann_client.post("/images/jobs/dismiss/")

    training.refresh_from_db()
    ended.refresh_from_db()
    assert training.state == "queued"
    assert not ended.is_dismissed


def test_it_clears_what_ended_and_brings_it_back(ann_client: Client, bob_client: Client) -> None:
    done = draw(ann_client)
    tasks.draw_pictures()
    live = draw(ann_client)

    undo = events(ann_client.post("/images/jobs/dismiss/"))["kb:toast"]["undo"]

    assert f"run-{done.pk}" not in ann_client.get("/images/jobs/").content.decode()
    assert f"run-{live.pk}" in ann_client.get("/images/jobs/").content.decode()
    bob_client.post(undo)
    assert f"run-{done.pk}" not in ann_client.get("/images/jobs/").content.decode()
    ann_client.post(undo)
    assert f"run-{done.pk}" in ann_client.get("/images/jobs/").content.decode()


def test_it_shows_every_order_that_is_under_way(ann_client: Client, ann: User, t1: Team) -> None:
    first = draw(ann_client)
    for _number in range(SHOWN):
        ImageJob.objects.create(team=t1, owner=ann, kind="draw", state="done", plan=[{"seed": 1}])

    assert [job.pk for job in recent_jobs(ann, t1)][SHOWN:] == [first.pk]


def test_it_says_how_the_queue_stands(ann_client: Client) -> None:
    jobs = [draw(ann_client), draw(ann_client)]

    said = ann_client.get("/images/live/", {"job": [str(job.pk) for job in jobs]}).json()

    assert said["queue"] == "2 orders waiting"  # nobody knows yet how long the model takes


def test_it_says_in_a_grid_why_a_picture_is_missing(ann_client: Client, ann: User) -> None:
    job = draw(ann_client, axes=AXES)
    tasks.draw_pictures()
    picture = Picture.objects.get(job=job, number=1)
    gallery.delete(user=ann, picture_ids=[picture.pk])
    Picture.objects.filter(job=job, number=2).delete()
    job.refresh_from_db()
    job.plan[3]["is_flagged"] = True
    job.save()
    Picture.objects.filter(job=job, number=3).delete()

    block = ann_client.get(f"/images/jobs/{job.pk}/").content.decode()

    assert block.count("data-open-picture") == 3
    assert [block.count(text) for text in ("In the trash", "Removed", "Held back by the safety checker")] == [1, 1, 1]


def test_it_shows_no_empty_table_of_a_grid_that_was_never_begun(ann_client: Client) -> None:
    job = draw(ann_client, axes=AXES)
    ann_client.post(f"/images/jobs/{job.pk}/cancel/")

    block = ann_client.get(f"/images/jobs/{job.pk}/").content.decode()

    assert "<table" not in block
    assert "Draw the rest" in block


def test_it_composes_a_grid_with_its_headings(ann_client: Client) -> None:
    job = draw(ann_client, axes=[*AXES, {"kind": "seed", "values": "1, 2"}])
    tasks.draw_pictures()
    default_storage.delete(Picture.objects.get(job=job, number=0).file)  # a lost file is a place without a picture

    answer = ann_client.get(f"/images/jobs/{job.pk}/grid/")

    assert answer.headers["Content-Disposition"].startswith('attachment; filename="grid-')
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "PNG"
        assert image.info["parameters"].startswith("a red circle\nSteps: 4")
        assert image.width > 2 * 160
        assert image.height > 2 * 3 * 160  # two tables of three rows, each picture at least 160 pixels
        assert len(image.crop((0, 0, image.width, 24)).convert("L").getcolors() or []) > 8  # letters at the top


def test_it_composes_no_grid_of_an_order_without_one(ann_client: Client, bob_client: Client) -> None:
    plain, grid = draw(ann_client), draw(ann_client, axes=AXES)
    nobodys = bob_client.get(f"/images/jobs/{uuid4()}/grid/")

    assert ann_client.get(f"/images/jobs/{plain.pk}/grid/").status_code == 404
    theirs = bob_client.get(f"/images/jobs/{grid.pk}/grid/")
    assert (theirs.status_code, theirs.content) == (404, nobodys.content)
