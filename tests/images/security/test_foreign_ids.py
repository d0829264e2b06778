"""Ids and names of other people's things inside an order, a lesson or a form: as if they were not there.

Security cases 2, 3, 9, 15, 27 and 28, for each field that names something, by the pages and by the API.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.catalog.models import AIModel, ModelAccess
from apps.images.lessons import Lesson
from apps.images.models import Style
from apps.images.orders import AxisWish, ControlWish, HiresWish, ImagePromptWish, LoraWish, Order
from apps.users.models import Team, User
from tests import factories
from tests.images.api.conftest import Asker
from tests.images.security.conftest import CANARY, Mine, adapter_of, state
from tests.images.security.test_api_matrix import fingerprint
from tests.images.training.conftest import brought
from tests.users.signing import signed_in

SMALL = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4}
Say = Callable[[dict[str, Any]], HttpResponse]
Fields = Callable[[UUID], dict[str, Any]]


def control(picture: UUID, name: str = "own-controlnet") -> dict[str, Any]:
    return {"control": {"name": name, "picture": str(picture)}}


def image_prompt(picture: UUID, name: str = "own-ip_adapter") -> dict[str, Any]:
    return {"image_prompt": {"name": name, "picture": str(picture)}}


# Each field of an order that names a picture; `own` is one of the asker's.
PICTURES: dict[str, Callable[[UUID, UUID], dict[str, Any]]] = {
    "source": lambda theirs, _own: {"kind": "redraw", "source": str(theirs)},
    "enlarged": lambda theirs, _own: {"kind": "upscale", "source": str(theirs)},
    "outpainted": lambda theirs, _own: {"kind": "outpaint", "source": str(theirs), "outpaint": [8, 0, 0, 0]},
    "mask": lambda theirs, own: {"kind": "inpaint", "source": str(own), "mask": str(theirs)},
    "control": lambda theirs, _own: control(theirs),
    "image prompt": lambda theirs, _own: image_prompt(theirs),
    "unused source": lambda theirs, _own: {"kind": "draw", "source": str(theirs)},
    "unused mask": lambda theirs, own: {"kind": "redraw", "source": str(own), "mask": str(theirs)},
}
# Each field that names an adapter, a model or a style.
NAMES: dict[str, Callable[[str, UUID], dict[str, Any]]] = {
    "lora": lambda name, _own: {"loras": [{"name": name}]},
    "lora tag": lambda name, _own: {"prompt": f"a <lora:{name}:1>"},
    "controlnet": lambda name, own: control(own, name),
    "ip_adapter": lambda name, own: image_prompt(own, name),
    "upscaler": lambda name, own: {"kind": "upscale", "source": str(own), "upscaler": name},
    "hires upscaler": lambda name, _own: {"hires": {"upscaler": name}},
    "model": lambda name, _own: {"model": name},
    "model axis": lambda name, _own: {"axes": [{"kind": "model", "values": f"fake-image, {name}"}]},
    "style": lambda name, _own: {"styles": [name]},
    "style axis": lambda name, _own: {"axes": [{"kind": "style", "values": name}]},
    "word list": lambda name, _own: {"prompt": f"a __{name}__"},
}


@pytest.fixture
def ways(askers: dict[str, Asker], bob: User, t2: Team) -> dict[str, Say]:
    """Return the ways by which the stranger places or estimates an order."""
    for kind in ("controlnet", "ip_adapter"):
        adapter_of(t2, f"own-{kind}", kind)
    browser, program = signed_in(bob), askers["stranger"]

    def posted(path: str) -> Say:
        return lambda order: browser.post(path, json.dumps(order), content_type="application/json")

    return {
        "page": posted(reverse("images:draw")),
        "page estimate": posted(reverse("images:estimate")),
        "api": lambda order: program.post("jobs", order),
        "api estimate": lambda order: program.post("estimates", order),
    }


@pytest.mark.parametrize("field", PICTURES)
def test_cases_2_and_3_a_foreign_picture_in_an_order_is_not_there(
    field: str, ways: dict[str, Say], mine: Mine, bob: User, t2: Team
) -> None:
    own, before = brought(bob, t2).pk, None
    before = state()

    for way, say in ways.items():
        for name in ("picture_id", "source_id", "mask_id", "trashed_id"):
            foreign = say(SMALL | PICTURES[field](mine[name], own))
            nothing = say(SMALL | PICTURES[field](uuid4(), own))

            assert fingerprint(foreign) == fingerprint(nothing), (way, name)
            assert foreign.status_code == (200 if way == "page estimate" else 404), (way, name, foreign.content)
            if way == "page estimate":
                assert foreign.json()["code"] == "not-found"
    assert state() == before


@pytest.mark.parametrize("field", NAMES)
def test_cases_9_and_28_a_name_that_is_another_teams_is_unknown(
    field: str, ways: dict[str, Say], mine: Mine, bob: User, t1: Team, t2: Team
) -> None:
    theirs = mine.names.get(field.rsplit(maxsplit=1)[-1] if field == "hires upscaler" else field, "canary-thing")
    if field.startswith("lora"):
        theirs = mine.names["lora"]
    private = factories.AIModelFactory(
        name="canary-thing", kind="image", dimensions=None, is_open=False, is_default=False
    )
    ModelAccess.objects.create(model=private, team=t1)
    Style.objects.create(team=t1, name="canary-thing", prompt=f"{{prompt}}, {CANARY}")
    own, unknown = brought(bob, t2).pk, "nobody-thing"[: len(theirs)].ljust(len(theirs), "x")
    before = state()

    for way, say in ways.items():
        foreign, nothing = say(SMALL | NAMES[field](theirs, own)), say(SMALL | NAMES[field](unknown, own))

        assert foreign.status_code == (200 if way == "page estimate" else 422), (way, foreign.content)
        assert foreign.content.replace(theirs.encode(), unknown.encode()) == nothing.content or (
            foreign.json()["code"] == nothing.json()["code"]
        )
        assert CANARY.encode() not in foreign.content
    assert state() == before


def test_cases_2_and_28_a_lesson_names_nothing_of_others(
    askers: dict[str, Asker], mine: Mine, bob: User, t2: Team, t1: Team
) -> None:
    own, asker = brought(bob, t2).pk, askers["stranger"]
    private = factories.AIModelFactory(
        name="canary-base", kind="image", dimensions=None, is_open=False, is_default=False
    )
    ModelAccess.objects.create(model=private, team=t1)
    lesson = {"method": "lora", "title": "Mine", "model": "", "steps": 30, "side": 64}
    before = state()

    def begun(*pictures: UUID, **changes: Any) -> HttpResponse:
        shown = [{"picture": str(each), "caption": "a circle"} for each in pictures]
        return asker.post("trainings", lesson | {"pictures": shown} | changes)

    for name in ("picture_id", "source_id", "mask_id", "trashed_id"):
        assert fingerprint(begun(own, mine[name])) == fingerprint(begun(own, uuid4()))
        assert begun(mine[name]).status_code == 404
    assert begun(own, model="canary-base").json()["code"] == begun(own, model="nobody").json()["code"]
    assert state() == before


def test_cases_2_and_20_forms_of_pages_name_nothing_of_others(mine: Mine, bob: User, t2: Team) -> None:
    browser, own, before = signed_in(bob), brought(bob, t2).pk, None
    before = state()

    for path, form in _forms(mine, own):
        foreign = browser.post(path, form)
        swapped = {name: _swapped(value, own) for name, value in form.items()}
        nothing = browser.post(path, swapped)
        assert foreign.status_code == nothing.status_code == 404, (path, foreign.status_code, nothing.status_code)
        assert foreign.content == nothing.content
    assert state() == before


def _forms(mine: Mine, own: UUID) -> Iterator[tuple[str, dict[str, Any]]]:
    yield reverse("images:bulk"), {"act": "star", "picture": [str(own), str(mine["picture_id"])]}
    yield reverse("images:bulk"), {"act": f"move:{mine['board_id']}", "picture": [str(own)]}
    yield reverse("images:move", args=[own]), {"board": str(mine["board_id"])}
    yield reverse("images:stories"), {"document": str(mine["document_id"])}


def _swapped(value: Any, own: UUID) -> Any:
    if isinstance(value, list):
        return [each if each == str(own) else str(uuid4()) for each in value]
    head, colon, _id = value.rpartition(":")
    return f"{head}{colon}{uuid4()}" if value != "star" else value


IDENTITY = ("id", "pk", "team", "team_id", "owner", "owner_id", "user", "created_at", "state", "reservation", "api_key")


@pytest.mark.parametrize("field", IDENTITY)
def test_case_15_nobody_sets_what_is_the_servers(field: str, askers: dict[str, Asker], mine: Mine, bob: User) -> None:
    """No body takes an id, an owner, a team or a state, at the top or within an order."""
    asker, value, before = askers["stranger"], str(mine["job_id"]), None
    before = state()

    answers = [
        asker.post("jobs", SMALL | {field: value}),
        asker.post("jobs", {"order": SMALL | {field: value}}),
        asker.post("jobs", SMALL | {"loras": [{"name": "x", field: value}]}),
        asker.post("boards", {"name": "Mine", field: value}),
        asker.post("trainings", {"method": "lora", "title": "x", "model": "", "pictures": [], field: value}),
        asker.post("/v1/images/generations", {"prompt": "a", field: value}) if field != "user" else None,
        signed_in(bob).post(
            reverse("images:draw"), json.dumps(SMALL | {field: value}), content_type="application/json"
        ),
    ]

    assert {each.status_code for each in answers if each is not None} <= {400, 422}
    assert state() == before


def test_case_15_the_fields_that_are_taken_are_these_alone() -> None:
    """A snapshot: whoever adds a field to what people send thinks here of what it may name."""
    taken = {kind.__name__: {field.name for field in fields(kind)} for kind in _TAKEN}

    assert taken == {
        "Order": {
            "kind", "prompt", "negative", "model", "width", "height", "steps", "guidance", "sampler", "schedule",
            "clip_skip", "seed", "count", "variation_seed", "variation_strength", "source", "mask", "strength",
            "mask_blur", "outpaint", "upscale", "upscaler", "hires", "loras", "control", "image_prompt", "styles",
            "axes", "is_combinatorial",
        },
        "LoraWish": {"name", "weight", "text_weight"},
        "ControlWish": {"name", "picture", "method", "scale", "start", "end", "low", "high"},
        "ImagePromptWish": {"name", "picture", "scale"},
        "HiresWish": {"scale", "steps", "strength", "upscaler"},
        "AxisWish": {"kind", "values"},
        "Lesson": {
            "method", "title", "model", "pictures", "adapter", "token", "initial", "vectors", "class_prompt",
            "class_pictures", "steps", "learning_rate", "rank", "batch", "side", "seed", "trains_text",
            "validation_prompt", "validation_every",
        },
    }  # fmt: skip


_TAKEN: tuple[Any, ...] = (Order, LoraWish, ControlWish, ImagePromptWish, HiresWish, AxisWish, Lesson)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "..\\x", "http://127.0.0.1/x", "a\x00b", "x" * 5_000, "%2e%2e/x"]
)
def test_case_80_a_name_is_looked_up_and_never_opened(
    name: str, askers: dict[str, Asker], image_model: AIModel
) -> None:
    """A body with NUL is refused as a whole; a tag that is none, for the colons in its name, is words (media.md 55)."""
    asker = askers["stranger"]
    in_words: dict[str, object] = {"prompt": f"a <lora:{name}:1>"}
    naming: list[dict[str, object]] = [
        {"model": name}, {"loras": [{"name": name}]}, {"hires": {"upscaler": name}}, {"styles": [name]},
    ]  # fmt: skip

    for order in [*naming, in_words]:
        answer = asker.post("jobs", SMALL | order)
        is_text = order is in_words and ":" in name
        assert answer.status_code == (400 if "\x00" in name else 202 if is_text else 422), (order, answer.content)
    assert Client().get(f"/images/files/{name.replace(chr(0), '%00')[:200]}/").status_code in {302, 404}
