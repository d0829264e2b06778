"""The studio's REST API: what it takes and what it tells, to whom."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from apps.catalog.models import AIModel
from apps.images import tasks
from apps.images.models import Board, ImageJob, Picture, PictureReport, Style
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Resource, Scope, Window
from apps.users.models import KeyScope, Membership, Team, User
from tests.images.api.conftest import Asker, Key
from tests.images.conftest import Made, Place

SMALL = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4}
JOB = {
    "id", "kind", "state", "is_final", "position", "seconds_left", "done", "total", "step", "steps", "model", "order",
    "pictures", "error", "created_at", "finished_at",
}  # fmt: skip
PICTURE = {
    "id", "kind", "job", "number", "board", "width", "height", "size_bytes", "sha256", "seed", "prompt", "negative",
    "settings", "model", "model_sha256", "is_starred", "is_deleted", "file", "created_at",
}  # fmt: skip
BOARD = {"id", "name", "is_shared", "is_mine", "pictures", "created_at"}
MODEL = {"name", "title", "is_default", "is_demonstration", "family", "licence", "suits"}


@pytest.fixture
def viewer(key: Key, ann: User, t1: Team) -> Asker:
    """Return a program of the viewer of t1."""
    return key(ann, t1)


def png(side: int = 64, colour: tuple[int, ...] = (200, 20, 20)) -> SimpleUploadedFile:
    mode = "RGBA" if len(colour) == 4 else "RGB"
    buffer = io.BytesIO()
    Image.new(mode, (side, side), colour).save(buffer, "PNG")
    return SimpleUploadedFile("picture.png", buffer.getvalue(), "image/png")


def test_it_draws_what_is_ordered_and_hands_it_out(key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    asker = key(ann, t1)

    placed = asker.post("jobs", SMALL | {"count": 2, "seed": 7})
    job = placed.json()
    assert placed.status_code == 202
    assert placed.headers["Location"] == f"/api/v1/images/jobs/{job['id']}"
    assert set(job) == JOB
    assert (job["state"], job["position"], job["model"], job["total"]) == ("queued", 1, "fake-image", 2)

    tasks.draw_pictures()

    done = asker.get(f"jobs/{job['id']}").json()
    assert (done["state"], done["is_final"], done["position"], done["error"]) == ("done", True, None, None)
    assert [picture["seed"] for picture in done["pictures"]] == [7, 8]
    assert all(set(picture) == PICTURE for picture in done["pictures"])
    assert [one["id"] for one in asker.get("jobs").json()["results"]] == [job["id"]]
    for form, kind in (("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP"), ("thumbnail", "WEBP")):
        file = asker.get(done["pictures"][0]["file"], format=form)
        with Image.open(io.BytesIO(file.content)) as image:
            assert (image.format, image.size) == (kind, (64, 64))
        assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_it_takes_an_order_as_it_stands_too(key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    asker = key(ann, t1)

    shorthand = asker.post("jobs", {"prompt": "a red circle"}).json()["order"]
    whole = asker.post("jobs", {"order": SMALL}).json()["order"]

    assert (shorthand["width"], shorthand["steps"]) == (512, 20)
    assert (whole["width"], whole["guidance"]) == (64, 7.0)


@pytest.mark.parametrize("shape", [lambda said: said, lambda said: {"order": said}])
def test_what_an_order_leaves_out_is_as_suits_the_model(
    shape: Callable[[object], object], key: Key, image_model: AIModel, ann: User, t1: Team
) -> None:
    best = {"side": 64, "steps": 20, "guidance": 3.0}
    AIModel.objects.filter(pk=image_model.pk).update(capabilities=best)

    plain = key(ann, t1).post("jobs", shape({"prompt": "a red circle"})).json()["order"]
    said = key(ann, t1).post("jobs", shape({"prompt": "a", "steps": 4, "width": 72})).json()["order"]

    assert (plain["width"], plain["height"], plain["steps"], plain["guidance"]) == (64, 64, 20, 3.0)
    assert (said["width"], said["height"], said["steps"], said["guidance"]) == (72, 64, 4, 3.0)


def test_it_orders_once_what_is_said_twice(key: Key, image_model: AIModel, ann: User, ed: User, t1: Team) -> None:
    asker, once = key(ann, t1), str(uuid.uuid4())

    first = asker.post("jobs", SMALL, **{"Idempotency-Key": once}).json()["id"]

    assert asker.post("jobs", SMALL, **{"Idempotency-Key": once}).json()["id"] == first
    assert key(ed, t1).post("jobs", SMALL, **{"Idempotency-Key": once}).json()["id"] != first
    assert asker.post("jobs", SMALL, **{"Idempotency-Key": "x" * 201}).status_code == 400
    assert ImageJob.objects.count() == 2


def test_it_cancels_and_tries_again(key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    asker = key(ann, t1)
    job = asker.post("jobs", SMALL).json()["id"]

    assert asker.send("DELETE", f"jobs/{job}").json()["state"] == "cancelled"
    again = asker.post(f"jobs/{job}/retry")

    assert again.status_code == 202
    assert again.json()["id"] != job
    assert asker.post(f"jobs/{again.json()['id']}/retry").status_code == 409


def test_it_says_what_an_order_would_cost(key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    body = key(ann, t1).post("estimates", SMALL | {"count": 3}).json()

    assert body == {"pictures": 3, "kilopixel_steps": 51, "seconds": None, "prompts": ["a red circle"] * 3}
    assert not ImageJob.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("jobs", {"prompt": "a", "colour": 1}, 400),
        ("jobs", {"prompt": "a", "owner": "x"}, 400),
        ("jobs", {"order": {"prompt": "a"}, "width": 64}, 400),
        ("jobs", {"order": {"prompt": "a", "team": "x"}}, 400),
        ("jobs", [], 400),
        ("jobs", SMALL | {"board": "x"}, 400),
        ("jobs", SMALL | {"width": "wide"}, 422),
        ("jobs", SMALL | {"sampler": "no such"}, 422),
        ("jobs", SMALL | {"model": "no-such"}, 422),
        ("jobs", SMALL | {"width": 65}, 422),
        ("estimates", {"x": 1}, 400),
        ("boards", {"name": "A", "owner": "x"}, 400),
        ("boards", {"name": ""}, 422),
        ("trainings", {"x": 1}, 400),
    ],
)
def test_case_27_it_refuses_unknown_fields_and_wrong_values(
    path: str, body: object, status: int, viewer: Asker, image_model: AIModel
) -> None:
    response = viewer.post(path, body)

    assert response.status_code in {status, 422 if status == 400 and "order" in str(body) else status}
    assert response.headers["Content-Type"] == "application/problem+json"
    assert not ImageJob.objects.exists()


@pytest.mark.parametrize("path", ["models", "jobs", "pictures", "boards", "limits", "samplers", "styles", "trainings"])
def test_case_27_it_refuses_unknown_parameters(path: str, key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    assert key(ann, t1).get(path, colour="1").status_code == 400


def test_it_lists_what_there_is_to_choose_from(key: Key, image_model: AIModel, ann: User, t1: Team, t2: Team) -> None:
    Style.objects.create(team=t1, name="Ink", prompt="{prompt}, ink")
    Style.objects.create(team=t2, name="Theirs", prompt="x")
    asker = key(ann, t1)

    models = asker.get("models").json()["results"]
    assert [model["name"] for model in models] == ["fake-image"]
    assert set(models[0]) == MODEL
    (style,) = asker.get("styles").json()["results"]
    assert style | {"id": ""} == {"id": "", "name": "Ink", "prompt": "{prompt}, ink", "negative": "", "settings": {}}
    assert {"name": "euler_a", "title": "Euler a"}.items() <= asker.get("samplers").json()["samplers"][1].items()
    assert asker.get("limits").json()["order"]["max_side"] == 1024
    assert asker.get("adapters", model="fake-image").json() == {"results": []}
    assert asker.get("adapters", model="other").status_code == 422


def test_it_finds_pictures_page_by_page(key: Key, made: Made, ann: User, t1: Team) -> None:
    for number in range(3):
        made(ann, t1, prompt=f"circle {number}", is_starred=number == 1)
    asker = key(ann, t1)

    first = asker.get("pictures", size="2").json()
    second = asker.get("pictures", size="2", after=first["after"]).json()

    prompts = [picture["prompt"] for picture in first["results"] + second["results"]]
    assert prompts == ["circle 2", "circle 1", "circle 0"]
    assert second["after"] is None
    assert [one["prompt"] for one in asker.get("pictures", starred="true").json()["results"]] == ["circle 1"]
    assert [one["prompt"] for one in asker.get("pictures", words="circle 0").json()["results"]] == ["circle 0"]
    for wrong in ({"after": "x"}, {"size": "0"}, {"size": "201"}, {"starred": "yes"}, {"kind": "mask"}, {"board": "x"}):
        assert asker.get("pictures", **wrong).status_code == 400


def test_it_stars_moves_deletes_and_restores(key: Key, made: Made, ann: User, t1: Team) -> None:
    picture, asker = made(ann, t1), key(ann, t1)
    board = asker.post("boards", {"name": "Best"}).json()
    assert set(board) == BOARD

    changed = asker.send("PATCH", f"pictures/{picture.pk}", {"is_starred": True, "board": board["id"]}).json()
    assert (changed["is_starred"], changed["board"]) == (True, board["id"])
    assert asker.get("boards").json()["results"][0]["pictures"] == 1
    assert asker.send("PATCH", f"pictures/{picture.pk}", {"board": None}).json()["board"] is None
    assert asker.send("DELETE", f"pictures/{picture.pk}").status_code == 204
    assert asker.get(f"pictures/{picture.pk}").status_code == 404
    assert asker.get("pictures", trash="true").json()["results"][0]["is_deleted"] is True
    assert asker.post(f"pictures/{picture.pk}/restore").json()["is_deleted"] is False
    assert asker.send("PATCH", f"boards/{board['id']}", {"name": "Better"}).json()["name"] == "Better"
    assert asker.send("PATCH", f"boards/{board['id']}", {"is_shared": True}).status_code == 403  # a viewer shares none
    assert asker.send("DELETE", f"boards/{board['id']}").status_code == 204


def test_it_takes_sources_and_masks_and_draws_over_them(key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    asker = key(ann, t1)

    source = asker.upload("uploads", {"file": png()})
    mask = asker.upload("uploads", {"file": png(), "kind": "mask"})
    placed = asker.post("jobs", SMALL | {"kind": "inpaint", "source": source.json()["id"], "mask": mask.json()["id"]})

    assert (source.status_code, source.json()["kind"], mask.json()["kind"]) == (201, "source", "mask")
    assert placed.status_code == 202
    assert asker.upload("uploads", {"file": png(), "kind": "drawn"}).status_code == 400
    assert asker.upload("uploads", {"file": png(), "team": "x"}).status_code == 400
    assert asker.upload("uploads", {"file": SimpleUploadedFile("x.png", b"x")}).status_code == 422
    assert asker.upload("uploads", {}).status_code == 422


def test_it_reads_the_settings_of_a_picture(key: Key, made: Made, ann: User, t1: Team) -> None:
    asker = key(ann, t1)
    file = asker.get(f"pictures/{made(ann, t1).pk}/file").content

    told = asker.upload("read-settings", {"file": SimpleUploadedFile("x.png", file)}).json()

    assert told["order"]["prompt"] == "a red circle"
    assert told["order"]["seed"] == 7
    assert asker.upload("read-settings", {"file": png()}).json()["order"] is None


def test_it_reports_a_picture(key: Key, made: Made, ann: User, alice: User, t1: Team) -> None:
    board = Board.objects.create(team=t1, owner=alice, name="All", is_shared=True)
    picture = made(alice, t1, board=board)

    assert key(ann, t1).post(f"pictures/{picture.pk}/report", {"reason": "Not ours"}).status_code == 204
    assert key(ann, t1).post(f"pictures/{picture.pk}/report", {"reason": " "}).status_code == 422
    assert PictureReport.objects.get().reporter == ann


@pytest.mark.parametrize("stranger", ["bob", "ann"])
def test_it_tells_strangers_nothing(
    stranger: str, request: pytest.FixtureRequest, key: Key, made: Made, place: Place, alice: User
) -> None:
    """Security cases 2, 9 and 28: another team's ids, and a colleague's private things, are not there."""
    team, user = alice.memberships.get().team, request.getfixturevalue(stranger)
    picture, job = made(alice, team), place(alice, team)
    mine = Board.objects.create(team=team, owner=alice, name="CANARY")
    asker = key(user, user.memberships.get().team)
    for method, path in (
        *((method, f"jobs/{job.pk}") for method in ("GET", "DELETE")), ("POST", f"jobs/{job.pk}/retry"),
        *((method, f"pictures/{picture.pk}") for method in ("GET", "PATCH", "DELETE")),
        *(("POST", f"pictures/{picture.pk}/{what}") for what in ("restore", "report")),
        ("GET", f"pictures/{picture.pk}/file"), ("GET", f"pictures?board={mine.pk}"),
        *((method, f"boards/{mine.pk}") for method in ("GET", "PATCH", "DELETE")),
        *((method, f"trainings/{job.pk}") for method in ("GET", "DELETE")), ("POST", f"trainings/{job.pk}/resume"),
    ):  # fmt: skip
        there = asker.send(method, path, {"reason": "x"} if path.endswith("report") else {})
        assert there.status_code == 404, (method, path)
        assert b"CANARY" not in there.content

    assert asker.post("jobs", SMALL | {"kind": "redraw", "source": str(picture.pk)}).status_code == 404
    assert asker.post("jobs", SMALL | {"board": str(mine.pk)}).status_code == 404
    assert asker.get("pictures").json()["results"] == asker.get("jobs").json()["results"] == []
    job.refresh_from_db()
    assert job.state == "queued"


def test_a_key_sees_its_own_team_alone(key: Key, made: Made, ann: User, t1: Team, t2: Team) -> None:
    Membership.objects.create(user=ann, team=t2, role="viewer")
    other = made(ann, t2)

    assert key(ann, t1).get(f"pictures/{other.pk}").status_code == 404
    assert key(ann, t2).get(f"pictures/{other.pk}").status_code == 200


def test_it_needs_its_scope(key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    asker = key(ann, t1, frozenset({KeyScope.READ, KeyScope.ASK}))

    assert asker.post("jobs", SMALL).status_code == 403
    assert asker.get("pictures").json()["code"] == "scope-missing"


def test_case_39_it_obeys_the_budget(key: Key, image_model: AIModel, ann: User, alice: User, t1: Team) -> None:
    set_limit(Limit(Scope.TEAM, Resource.PICTURES, Window.DAY, 2, team=t1), actor=alice)
    asker = key(ann, t1)

    answers = [asker.post("jobs", SMALL) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert answers[2].json()["resource"] == "pictures"


def test_it_asks_the_database_no_more_for_many_pictures(key: Key, made: Made, ann: User, t1: Team) -> None:
    asker, counts = key(ann, t1), []
    for _ in range(2):
        for _number in range(4):
            made(ann, t1)
        asker.get("pictures")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            asker.get("pictures")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_it_asks_the_database_no_more_for_many_jobs(key: Key, place: Place, ann: User, t1: Team) -> None:
    asker, counts = key(ann, t1), []
    for _ in range(2):
        place(ann, t1, count=2)
        tasks.draw_pictures()
        asker.get("jobs")
        with CaptureQueriesContext(connection) as queries:
            asker.get("jobs")
        counts.append(len(queries))

    assert Picture.objects.count() == 4
    assert counts[0] == counts[1]


def pixels(content: bytes) -> Any:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))
