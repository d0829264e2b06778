"""The page of the studio as people see it."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.catalog.models import AIModel
from apps.images.models import ImageJob, ImagePolicy, Style
from apps.users.models import Team, User
from tests.images.conftest import Made

MOST = 25
FEW, MANY = 2, 9


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def same_for_many(client: Client, address: str, grow: Callable[[int], object]) -> None:
    for number in range(FEW):
        grow(number)
    client.get(address)
    few = queries(client, address)
    for number in range(FEW, MANY):
        grow(number)
    assert queries(client, address) == few
    assert few <= MOST


def test_it_offers_three_prompts_to_a_newcomer(ann_client: Client, image_model: AIModel) -> None:
    page = ann_client.get("/images/").content.decode()

    assert page.count("data-example=") == 3
    assert "Fake image" in page


def test_it_knows_the_words_of_the_demonstration_model(ann_client: Client, image_model: AIModel) -> None:
    assert "data-word=" not in ann_client.get("/images/").content.decode()
    AIModel.objects.filter(pk=image_model.pk).update(capabilities={"demonstration": True})

    page = ann_client.get("/images/").content.decode()

    assert 'data-word="triangle"' in page
    assert '"width": 64' in page.replace("&quot;", '"')


def test_it_says_that_there_is_no_image_model(ann_client: Client, root_client: Client) -> None:
    assert "No image model is set up yet" in ann_client.get("/images/").content.decode()


def test_it_offers_the_styles_and_adapters_of_the_team_alone(
    ann_client: Client, image_model: AIModel, t1: Team, t2: Team
) -> None:
    Style.objects.create(team=t1, name="Ink", prompt="{prompt}, ink")
    Style.objects.create(team=t2, name="CANARY-T2 style")
    AIModel.objects.create(
        name="pink", title="Pink", kind=AIModel.Kind.ADAPTER, adapter="lora", runtime="diffusers", state="ready"
    )

    page = ann_client.get("/images/").content.decode()

    assert 'value="Ink"' in page
    assert 'value="pink"' in page
    assert "CANARY-T2" not in page


def test_it_shows_what_is_under_way_again_after_a_reload(alice_client: Client, job: ImageJob) -> None:
    page = alice_client.get("/images/").content.decode()

    assert f'data-run="{job.pk}"' in page
    assert page.count('class="cell-sheet"') == 2


def test_it_does_not_show_orders_of_others(ann_client: Client, job: ImageJob) -> None:
    assert "CANARY-T1 order" not in ann_client.get("/images/").content.decode()


def test_it_asks_as_often_for_many_pictures(alice: User, alice_client: Client, t1: Team, made: Made) -> None:
    same_for_many(alice_client, "/images/", lambda _: made(alice, t1))


def test_it_asks_as_often_for_many_orders(
    alice: User, alice_client: Client, t1: Team, job: ImageJob, made: Made
) -> None:
    def grow(number: int) -> None:
        job.pk = None
        job._state.adding = True  # a copy
        job.save(force_insert=True)
        made(alice, t1, job=job, number=0)

    same_for_many(alice_client, "/images/", grow)


@pytest.mark.parametrize("address", ["/images/", "/images/gallery/", "/images/boards/", "/images/live/"])
def test_it_asks_strangers_to_sign_in(anonymous_client: Client, address: str) -> None:
    assert anonymous_client.get(address).status_code == 302


def test_it_says_that_the_team_may_not_draw(ann_client: Client, image_model: AIModel, t1: Team) -> None:
    ImagePolicy.objects.create(team=t1, is_enabled=False)

    assert "Drawing is switched off in this team" in ann_client.get("/images/").content.decode()
