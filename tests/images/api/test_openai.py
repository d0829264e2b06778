"""OpenAI's routes: the same fields, the same shape of answers and errors, no right more than the REST API has."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from PIL import Image

from apps.catalog.models import AIModel
from apps.images import tasks
from apps.images.models import ImageJob, ImagePolicy, Picture
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Resource, Scope, Window
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake_images import failing
from apps.users.models import ApiKey, KeyScope, Membership, Team, User
from tests import factories
from tests.images.api.conftest import Asker, Key
from tests.images.api.test_rest import png
from tests.users.signing import signed_in

GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
SMALL = {"prompt": "a red circle", "size": "64x64", "steps": 4}


@pytest.fixture
def asker(key: Key, image_model: AIModel, ann: User, t1: Team, _works: None) -> Asker:
    """Return a program of the viewer, for whom a worker draws."""
    return key(ann, t1)


def error(response: HttpResponse, status: int) -> dict[str, Any]:
    """Return the error of an answer, whose shape is always the same."""
    assert response.status_code == status, response.content
    body = response.json()
    assert set(body) == {"error"}
    assert {"message", "type", "param", "code"} <= set(body["error"])
    return dict(body["error"])


def picture(text: str) -> Any:
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("path", [GENERATIONS, "/api/v1/images/generations"])
def test_it_draws_and_returns_the_pictures(path: str, asker: Asker) -> None:
    answer = asker.post(path, SMALL | {"n": 2, "seed": 5, "user": "u1", "quality": "high"}).json()

    assert set(answer) == {"created", "data", "output_format"}
    assert all(set(one) == {"b64_json", "revised_prompt"} for one in answer["data"])
    assert [picture(one["b64_json"]).shape for one in answer["data"]] == [(64, 64, 3)] * 2
    assert [one.seed for one in Picture.objects.order_by("number")] == [5, 6]


def handed_out(asker: Asker) -> str:
    """Return the path of the address of a new picture."""
    answer = asker.post(GENERATIONS, SMALL | {"response_format": "url", "output_format": "webp"})
    url: str = answer.json()["data"][0]["url"]
    assert url.startswith("http://testserver/v1/images/files/")
    return url.removeprefix("http://testserver")


def test_it_hands_out_an_address_that_needs_no_key(asker: Asker, bob: User) -> None:
    """OpenAI's clients fetch it without one."""
    path = handed_out(asker)

    for client in (Client(), signed_in(bob)):
        file = client.get(path)
        assert (file.status_code, file.headers["Content-Type"]) == (200, "image/webp")
        assert "no-store" in file.headers["Cache-Control"]
        assert "sandbox" in file.headers["Content-Security-Policy"]
    assert Client().get(path, headers={"authorization": "Bearer zk_wrong"}).status_code == 401


def test_case_18_the_address_is_of_one_picture_for_some_minutes(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = handed_out(asker), handed_out(asker)
    head, _slash, token = path.rstrip("/").rpartition("/")

    for forged in (
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        other.rpartition("/")[2].split(":")[0],
        "x",
        "x:y:z",
    ):
        assert error(Client().get(f"{head}/{forged}"), 404)["type"] == "not_found_error"
    monkeypatch.setattr("apps.images.api.handing_out.LIFE_S", -1)
    assert error(Client().get(path), 404)


@pytest.mark.parametrize("lost", ["key", "person", "picture", "taken down", "suspended"])
def test_case_20_the_address_dies_with_the_key_and_the_right(lost: str, asker: Asker, alice: User) -> None:
    path = handed_out(asker)
    assert Client().get(path).status_code == 200
    key = ApiKey.objects.get()

    if lost == "key":
        ApiKey.objects.update(revoked_at=timezone.now())
    elif lost == "person":
        Membership.objects.filter(user=key.user).delete()
    elif lost == "picture":
        Picture.objects.update(deleted_at=timezone.now())
    elif lost == "taken down":
        Picture.objects.update(taken_down_at=timezone.now())
    else:
        User.objects.filter(pk=key.user_id).update(is_active=False)

    assert error(Client().get(path), 404)


def test_it_knows_the_size_that_suits_the_model(asker: Asker, image_model: AIModel) -> None:
    AIModel.objects.filter(pk=image_model.pk).update(capabilities={"side": 72, "steps": 3})

    answer = asker.post(GENERATIONS, {"prompt": "a", "model": "fake-image", "size": "auto", "n": None}).json()

    assert picture(answer["data"][0]["b64_json"]).shape == (72, 72, 3)


def test_it_edits_where_the_mask_is_clear(asker: Asker) -> None:
    holes = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    holes.paste((0, 0, 0, 0), (0, 0, 64, 32))
    buffer = io.BytesIO()
    holes.save(buffer, "PNG")
    mask = SimpleUploadedFile("mask.png", buffer.getvalue(), "image/png")

    answer = asker.upload(EDITS, {"image": png(), "mask": mask, "prompt": "a blue sky", "n": "1", "steps": "4"})

    assert answer.status_code == 200, answer.content
    drawn = picture(answer.json()["data"][0]["b64_json"])
    assert (drawn[40:] == (200, 20, 20)).all()
    assert not (drawn[:20] == (200, 20, 20)).all()
    assert ImageJob.objects.get().kind == "inpaint"


def test_it_draws_the_whole_picture_anew_without_a_mask(asker: Asker) -> None:
    answer = asker.upload(EDITS, {"image[]": png(), "prompt": "a blue sky", "strength": "0.5", "steps": "4"})

    assert answer.status_code == 200, answer.content
    job = ImageJob.objects.get()
    assert (job.kind, job.order["strength"], job.order["width"]) == ("redraw", 0.5, 64)


def test_it_takes_the_clear_places_of_the_picture_itself_for_the_mask(asker: Asker) -> None:
    answer = asker.upload(EDITS, {"image": png(64, (200, 20, 20, 0)), "prompt": "a blue sky", "steps": "4"})

    assert answer.status_code == 200, answer.content
    assert ImageJob.objects.get().kind == "inpaint"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": " "}, "prompt"),
        (SMALL | {"colour": "red"}, "colour"),
        (SMALL | {"n": 0}, "n"),
        (SMALL | {"n": "2"}, "n"),
        (SMALL | {"n": 10_000}, "n"),
        (SMALL | {"size": "64"}, "size"),
        (SMALL | {"size": "65x64"}, "size"),
        (SMALL | {"size": "9999x9999"}, "size"),
        (SMALL | {"size": 64}, "size"),
        (SMALL | {"response_format": "file"}, "response_format"),
        (SMALL | {"output_format": "gif"}, "output_format"),
        (SMALL | {"stream": True}, "stream"),
        (SMALL | {"steps": "many"}, "steps"),
        (SMALL | {"team": "x"}, "team"),
    ],
)
def test_it_refuses_what_it_cannot_do_and_names_the_field(body: dict[str, Any], param: str, asker: Asker) -> None:
    told = error(asker.post(GENERATIONS, body), 400)

    assert (told["type"], told["param"]) == ("invalid_request_error", param)
    assert not ImageJob.objects.exists()


def test_it_refuses_edits_without_a_picture_and_what_is_none(asker: Asker) -> None:
    assert error(asker.upload(EDITS, {"prompt": "a"}), 400)["param"] == "image"
    assert error(asker.upload(EDITS, {"prompt": "a", "image": SimpleUploadedFile("x.png", b"x")}), 400)
    assert error(asker.upload(EDITS, {"prompt": "a", "image": png(), "other": png()}), 400)["param"] == "other"
    assert error(asker.upload(EDITS, {"prompt": "a", "image": png(), "n": "x"}), 400)["param"] == "n"
    assert error(asker.upload(EDITS, {"prompt": "a", "image": png(), "strength": "3"}), 400)
    assert error(asker.post(EDITS, SMALL), 415)
    assert not Picture.objects.exists()


@pytest.mark.parametrize(
    "path", [GENERATIONS, EDITS, "/v1/files", "/v1/models", "/v1/embeddings", "/v1/chat/x", "/v1/"]
)
def test_case_26_nobody_gets_anything_without_a_key(path: str, image_model: AIModel, alice: User) -> None:
    for client in (Client(), signed_in(alice)):
        told = error(client.post(path, SMALL, content_type="application/json"), 404 if path == "/v1/" else 401)
        assert told["code"] in {"invalid_api_key", "not-found"}
    wrong = Client().post(path, headers={"authorization": "Bearer zk_wrong"})
    assert error(wrong, 401)["code"] == "invalid_api_key"


def test_case_26_a_key_needs_the_scope_and_finds_nothing_else(
    key: Key, image_model: AIModel, ann: User, t1: Team
) -> None:
    asker = key(ann, t1, frozenset({KeyScope.ASK}))

    assert error(asker.post(GENERATIONS, SMALL), 403)["type"] == "permission_error"
    assert error(asker.upload(EDITS, {"prompt": "a", "image": png()}), 403)["code"] == "scope-missing"
    assert error(asker.get("/v1/models"), 404)["type"] == "not_found_error"


def test_case_28_a_model_of_others_is_not_there(asker: Asker) -> None:
    factories.AIModelFactory(name="theirs", kind=AIModel.Kind.IMAGE, dimensions=None, is_open=False, is_default=False)

    hidden = error(asker.post(GENERATIONS, SMALL | {"model": "theirs"}), 404)
    nothing = error(asker.post(GENERATIONS, SMALL | {"model": "no-such"}), 404)

    assert hidden["code"] == nothing["code"] == "model_not_found"


def test_it_says_when_the_budget_is_used_up(asker: Asker, alice: User, t1: Team) -> None:
    set_limit(Limit(Scope.TEAM, Resource.PICTURES, Window.DAY, 1, team=t1), actor=alice)
    asker.post(GENERATIONS, SMALL)

    refused = asker.post(GENERATIONS, SMALL)

    assert error(refused, 429)["type"] == "rate_limit_error"
    assert int(refused.headers["Retry-After"]) > 0


def test_it_says_where_the_studio_is_off_and_which_prompt_is_refused(asker: Asker, t1: Team) -> None:
    policy = ImagePolicy.objects.create(team=t1, blocked_words="nude")
    assert error(asker.post(GENERATIONS, SMALL | {"prompt": "n.u.d.e"}), 400)["code"] == "content_policy_violation"

    ImagePolicy.objects.filter(pk=policy.pk).update(is_enabled=False)
    assert error(asker.post(GENERATIONS, SMALL), 403)["code"] == "image-off"


def test_it_gives_up_waiting_and_says_which_job_goes_on(
    key: Key, image_model: AIModel, ann: User, t1: Team, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENV = settings.ENV.model_copy(update={"image_api_wait_s": 1})
    monkeypatch.setattr("apps.images.api.placing.LOOK_S", 0.2)
    asker = key(ann, t1)

    late = asker.post(GENERATIONS, SMALL)

    told = error(late, 504)
    assert late.headers["X-Should-Retry"] == "false"
    tasks.draw_pictures()
    assert asker.get(f"jobs/{told['job']}").json()["state"] == "done"


def test_it_says_why_nothing_was_drawn(asker: Asker) -> None:
    with failing(RuntimeFailure("broken")):
        told = error(asker.post(GENERATIONS, SMALL), 500)

    assert (told["type"], told["code"]) == ("server_error", "image-failed")
