"""The form of the studio as a person left it."""

import json
from typing import Any

from django.core.cache import cache
from django.test import Client

from apps.catalog.models import AIModel
from apps.core import forgetting
from apps.images import drafts
from apps.images.models import Picture
from apps.images.orders import ControlWish, ImagePromptWish, Order
from apps.users.models import Team, User
from tests.images.conftest import Made
from tests.images.pages.test_orders import SMALL, post


def shown(client: Client) -> dict[str, Any]:
    """Return the draft that the page's form begins with."""
    response = client.get("/images/")
    text = response.context["studio"].draft_json
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def test_it_shows_the_form_as_it_was_left(ann_client: Client, image_model: AIModel) -> None:
    assert shown(ann_client) == {}
    post(ann_client, "estimate", SMALL | {"steps": 9, "styles": ["gone"]})

    assert shown(ann_client)["steps"] == 9
    assert shown(ann_client)["styles"] == ["gone"]


def test_it_keeps_what_is_not_yet_complete(ann_client: Client, image_model: AIModel) -> None:
    post(ann_client, "estimate", SMALL | {"prompt": "", "width": 65})

    assert shown(ann_client)["width"] == 65


def test_it_shows_it_to_nobody_else(ann_client: Client, alice_client: Client, image_model: AIModel) -> None:
    post(ann_client, "estimate", SMALL | {"prompt": "CANARY-T1 draft"})

    assert "CANARY-T1 draft" not in alice_client.get("/images/").content.decode()


def test_it_leaves_pictures_out_that_are_gone(
    alice: User, alice_client: Client, t1: Team, made: Made, bob: User, t2: Team
) -> None:
    mine, deleted, others = made(alice, t1), made(alice, t1), made(bob, t2)
    Picture.objects.filter(pk=deleted.pk).update(deleted_at=deleted.created_at)
    parts = {"control": ControlWish("edges", others.pk), "image_prompt": ImagePromptWish("eyes", deleted.pk)}
    drafts.keep(alice, t1, Order(model="fake-image", kind="inpaint", source=mine.pk, mask=deleted.pk, **parts))

    draft = shown(alice_client)

    assert draft["source"] == str(mine.pk)
    assert (draft["mask"], draft["control"], draft["image_prompt"]) == (None, None, None)


def test_it_begins_anew_where_the_model_is_gone(ann_client: Client, image_model: AIModel) -> None:
    post(ann_client, "estimate", SMALL)
    AIModel.objects.filter(pk=image_model.pk).update(name="another")

    assert shown(ann_client) == {}


def test_it_begins_anew_where_another_release_wrote_it(alice: User, t1: Team) -> None:
    drafts.keep(alice, t1, Order())
    cache.set(drafts._key(alice, t1), {"no setting": 1})

    assert drafts.draft_of(alice, t1) is None


def test_a_link_to_an_adapter_comes_before_the_draft(ann_client: Client, image_model: AIModel) -> None:
    AIModel.objects.create(
        name="pink", title="Pink", kind=AIModel.Kind.ADAPTER, adapter="lora", runtime="diffusers", state="ready",
        capabilities={"triggers": ["pinkish"]},
    )  # fmt: skip
    post(ann_client, "estimate", SMALL | {"steps": 9})

    response = ann_client.get("/images/?adapter=pink")

    assert json.loads(response.context["studio"].draft_json)["prompt"] == "pinkish"


def test_it_is_gone_with_the_team(alice: User, t1: Team, t2: Team) -> None:
    drafts.keep(alice, t1, Order(prompt="CANARY-T1 draft"))
    drafts.keep(alice, t2, Order(prompt="another team's"))

    forgetting.forget({t1.pk})  # what the end of a team calls

    assert drafts.draft_of(alice, t1) is None
    assert drafts.draft_of(alice, t2) is not None
