"""Security case 44: whatever a field holds, the answer is a refusal in words, never a broken server."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.images.models import ImageJob
from apps.users.models import Team, User
from tests.images.api.conftest import Asker, Key
from tests.images.security.conftest import Mine
from tests.images.training.conftest import brought
from tests.users.signing import signed_in

SMALL: dict[str, Any] = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4}
NUL, SURROGATE = "a\x00b", "a\ud800b"
VALUES: dict[str, Any] = {
    "nul": NUL,
    "surrogate": SURROGATE,
    "long": "x" * 200_000,
    "huge": 10**400,
    "negative": -1,
    "none": None,
    "bool": True,
    "list": [[[]]],
    "object": {"a": {"b": 1}},
    "float": 1e308,
}
RAW = ["", "nothing", "[" * 100_000, '{"prompt": NaN}', '{"width": Infinity}', "\x00", '{"a":1}{"b":2}', "\ufeff{}"]
ORDER_FIELDS = (
    "kind", "prompt", "negative", "model", "width", "steps", "guidance", "sampler", "schedule", "seed", "count",
    "variation_seed", "source", "outpaint", "upscaler", "hires", "loras", "control", "image_prompt", "styles", "axes",
)  # fmt: skip
DEEP: dict[str, Any] = {
    "hires": lambda value: {"scale": 2, "upscaler": value},
    "loras": lambda value: [{"name": value}],
    "control": lambda value: {"name": value, "picture": value},
    "image_prompt": lambda value: {"name": value, "picture": value},
    "styles": lambda value: [value],
    "axes": lambda value: [{"kind": "style", "values": value}],
}


@pytest.fixture
def asker(key: Key, mine: Mine, bob: User, t2: Team) -> Asker:
    """Return a program of somebody who may draw."""
    return key(bob, t2)


def is_refused(status: int) -> bool:
    return 400 <= status < 500


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_case_44_orders(value: Any, asker: Asker, bob: User) -> None:
    browser = signed_in(bob)
    for field in ORDER_FIELDS:
        for said in (value, DEEP[field](value)) if field in DEEP else (value,):
            order = SMALL | {field: said}
            answer = asker.post("jobs", order)
            taken = {"none", "negative", "bool", "float", "huge"}
            assert is_refused(answer.status_code) or answer.status_code == 202, (field, answer.content[:300])
            assert answer.status_code != 202 or value in [VALUES[each] for each in taken], (field, value)
            body = json.dumps(order)
            for page in ("images:estimate", "images:draw"):
                shown = browser.post(reverse(page), body, content_type="application/json")
                assert shown.status_code < 500, (field, page)


@pytest.mark.parametrize("body", RAW, ids=range(len(RAW)))
def test_case_44_bodies(body: str, asker: Asker, bob: User) -> None:
    for path in ("jobs", "estimates", "boards", "trainings"):
        answer = Client().generic(
            "POST", f"/api/v1/images/{path}", body, content_type="application/json", headers=asker.headers
        )
        assert is_refused(answer.status_code), (path, answer.status_code)
    for path in ("/v1/images/generations", "/api/v1/images/generations"):
        answer = Client().generic("POST", path, body, content_type="application/json", headers=asker.headers)
        assert is_refused(answer.status_code), (path, answer.status_code)
        assert set(answer.json()) == {"error"}
    browser = signed_in(bob)
    assert is_refused(browser.post(reverse("images:draw"), body, content_type="application/json").status_code)
    assert not ImageJob.objects.filter(owner=bob).exists()


@pytest.mark.parametrize("value", [VALUES["nul"], VALUES["surrogate"], VALUES["long"], VALUES["huge"], VALUES["list"]])
def test_case_44_everything_else_that_programs_send(value: Any, asker: Asker, bob: User, t2: Team) -> None:
    picture = brought(bob, t2)
    board = asker.post("boards", {"name": "Mine"}).json()["id"]
    lesson = {
        "method": "lora", "title": "Mine", "model": "", "steps": 30, "side": 64,
        "pictures": [{"picture": str(picture.pk), "caption": "a circle"}],
    }  # fmt: skip
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "boards", {"name": value}),
        ("PATCH", f"boards/{board}", {"name": value}),
        ("PATCH", f"pictures/{picture.pk}", {"is_starred": value}),
        ("PATCH", f"pictures/{picture.pk}", {"board": value}),
        ("POST", f"pictures/{picture.pk}/report", {"reason": value}),
        *(("POST", "trainings", lesson | {field: value}) for field in lesson),
        *(("POST", "trainings", lesson | {field: value}) for field in ("token", "initial", "class_prompt", "seed")),
        ("POST", "trainings", lesson | {"pictures": [{"picture": str(picture.pk), "caption": value}]}),
        *(("POST", "/v1/images/generations", {"prompt": "a", field: value}) for field in ("prompt", "model", "size")),
    ]
    for method, path, body in calls:
        answer = asker.send(method, path, body)
        assert is_refused(answer.status_code) or (path.endswith("report") and answer.status_code == 204), (path, body)
    if isinstance(value, str):
        for path, name in (("pictures", "words"), ("pictures", "after"), ("jobs", "state"), ("adapters", "model")):
            if value != SURROGATE:  # no address can hold one
                assert is_refused(asker.get(path, **{name: value[:3_000]}).status_code), path


@pytest.mark.parametrize("value", [NUL, "x" * 100_000, "\u202e<script>", "１２３", "-1", "9" * 30])
def test_case_44_forms_of_pages(value: str, mine: Mine, bob: User, t2: Team) -> None:
    browser, picture = signed_in(bob), brought(bob, t2)
    team = [t2.pk]
    forms: list[tuple[str, dict[str, Any]]] = [
        (reverse("images:board-new"), {"name": value}),
        (reverse("images:move", args=[picture.pk]), {"board": value}),
        (reverse("images:report", args=[picture.pk]), {"reason": value}),
        (reverse("images:bulk"), {"act": value, "picture": [value]}),
        (reverse("images:bulk"), {"act": f"move:{value}", "picture": [str(picture.pk)]}),
        (reverse("images:training-new"), dict.fromkeys(("title", "about", "model", "steps", "picture"), value)),
        (reverse("images:assist"), dict.fromkeys(("theme", "own", "image_model", "chat_model", "old_prompt"), value)),
        (reverse("images:stories"), {"document": value, "model": value, "styles": [value]}),
        (reverse("team_images:page", args=team), dict.fromkeys(("watermark", "blocked_words"), value)),
        (reverse("team_images:style-new", args=team), dict.fromkeys(("name", "prompt", "width", "steps"), value)),
        (reverse("team_images:words-new", args=team), dict.fromkeys(("name", "words"), value)),
    ]
    for path, form in forms:
        assert browser.post(path, form).status_code < 500, path
    for path in (reverse("images:studio"), reverse("images:gallery"), reverse("images:live")):
        for name in ("words", "board", "after", "kind", "picture", "job", "order"):
            assert browser.get(path, {name: value[:2_000]}).status_code < 500, (path, name)
