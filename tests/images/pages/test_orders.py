"""Orders placed on the page: what is answered, in words where it cannot be drawn."""

import json
import re
from typing import Any

from django.http import HttpResponse
from django.test import Client

from apps.catalog.models import AIModel
from apps.images import tasks
from apps.images.models import ImageJob
from apps.users.models import Team, User

SMALL = {"prompt": "a red circle", "model": "fake-image", "width": 64, "height": 64, "steps": 4}


def post(client: Client, name: str, order: Any) -> HttpResponse:
    body = order if isinstance(order, str) else json.dumps(order)
    return client.post(
        f"/images/{name}/", body, content_type="application/json", headers={"Accept": "application/json"}
    )


def draw(client: Client, **fields: Any) -> dict[str, Any]:
    answer = post(client, "draw", SMALL | fields)
    assert answer.status_code == 200, answer.content
    said: dict[str, Any] = answer.json()
    return said


def refused(client: Client, order: Any) -> dict[str, Any]:
    answer = post(client, "draw", order)
    assert answer.status_code == 422
    said: dict[str, Any] = answer.json()
    assert len(said["detail"]) > 20
    return said


def test_it_answers_an_order_with_its_cells(ann_client: Client, image_model: AIModel) -> None:
    said = draw(ann_client, count=3)

    assert said["html"].count('class="cell-sheet"') == 3
    assert 'data-state="queued"' in said["html"]
    assert ImageJob.objects.get().total == 3


def test_it_shows_the_pictures_once_they_are_drawn(ann_client: Client, image_model: AIModel) -> None:
    job = draw(ann_client, count=2)["job"]
    tasks.draw_pictures()

    block = ann_client.get(f"/images/jobs/{job}/").content.decode()

    assert block.count("data-open-picture") == 2
    assert "data-live" not in block


def test_it_lays_a_grid_out_by_its_axes(ann_client: Client, image_model: AIModel) -> None:
    axes = [{"kind": "steps", "values": "2, 3, 4"}, {"kind": "guidance", "values": "3, 7"}]

    html = " ".join(draw(ann_client, axes=axes)["html"].split())

    assert "Guidance ↓ · Steps →" in html
    assert re.findall(r'<th scope="(\w+)"', html) == ["col"] * 4 + ["row"] * 2
    assert html.count("<td>") == html.count('<figure class="cell"') == 6


def test_it_says_in_words_what_cannot_be_drawn(ann_client: Client, image_model: AIModel) -> None:
    assert refused(ann_client, SMALL | {"prompt": " "})["code"] == "image-prompt-empty"
    assert refused(ann_client, SMALL | {"width": 65})["code"] == "image-multiple"
    assert refused(ann_client, SMALL | {"steps": 10_000})["code"] == "image-range"
    assert refused(ann_client, SMALL | {"sampler": "nobody's"})["code"] == "unknown-sampler"
    assert refused(ann_client, SMALL | {"prompt": "(a:1.2.3)"})["code"].startswith("prompt")
    assert refused(ann_client, SMALL | {"model": "another"})["code"] == "image-model-unknown"
    assert not ImageJob.objects.exists()


def test_it_refuses_what_is_no_order(ann_client: Client, image_model: AIModel) -> None:
    for body in ("", "[]", "{", '{"owner": "me"}', "null", '{"prompt": 3}'):
        assert refused(ann_client, body)["code"] == "image-setting"


def test_it_says_what_an_order_costs(ann_client: Client, image_model: AIModel) -> None:
    said = post(ann_client, "estimate", SMALL | {"count": 4}).json()

    assert said["cost"].startswith("4 pictures")
    assert said["pictures"] == 4


def test_it_says_while_one_types_what_is_wrong(ann_client: Client, image_model: AIModel) -> None:
    answer = post(ann_client, "estimate", SMALL | {"width": 65})

    assert answer.status_code == 200
    assert "multiple of 8" in answer.json()["problem"]


def test_it_tells_how_far_ones_own_orders_are(ann_client: Client, alice_client: Client, image_model: AIModel) -> None:
    job = draw(ann_client)["job"]

    mine = ann_client.get(f"/images/live/?job={job}&job=nonsense").json()["jobs"]
    others = alice_client.get(f"/images/live/?job={job}").json()["jobs"]

    assert mine[job]["state"] == "queued"
    assert mine[job]["position"] == 1
    assert others == {}


def test_it_stops_puts_aside_and_tries_again(ann_client: Client, image_model: AIModel) -> None:
    job = draw(ann_client)["job"]

    stopped = ann_client.post(f"/images/jobs/{job}/cancel/").content.decode()
    again = ann_client.post(f"/images/jobs/{job}/retry/").content.decode()

    assert "Stopped" in stopped
    assert 'data-state="queued"' in again
    assert f'data-run="{job}"' not in again
    new = ImageJob.objects.get(state="queued")
    ann_client.post(f"/images/jobs/{new.pk}/cancel/")
    assert ann_client.post(f"/images/jobs/{new.pk}/dismiss/").content == b""
    assert str(new.pk) not in ann_client.get("/images/").content.decode()


def test_it_says_why_an_order_failed(alice: User, alice_client: Client, t1: Team, job: ImageJob) -> None:
    ImageJob.objects.filter(pk=job.pk).update(state="failed", error_code="image-model-gone")

    block = alice_client.get(f"/images/jobs/{job.pk}/").content.decode()

    assert "The model is not there any more" in block
    assert f"/images/jobs/{job.pk}/retry/" in block


def test_it_hides_the_orders_of_others(ann_client: Client, bob_client: Client, job: ImageJob) -> None:
    for client in (ann_client, bob_client):
        assert client.get(f"/images/jobs/{job.pk}/").status_code == 404
        for act in ("cancel", "retry", "dismiss"):
            assert client.post(f"/images/jobs/{job.pk}/{act}/").status_code == 404
    job.refresh_from_db()
    assert job.cancel_asked_at is None
    assert job.state == "queued"


def test_it_names_the_setting_that_is_refused(ann_client: Client, image_model: AIModel) -> None:
    said = refused(ann_client, SMALL | {"hires": {"scale": 9}})

    assert said["field"] == "hires.scale"
    assert said["detail"].startswith("“Second pass, larger: Times as large” has to be from 1 to 4")


def test_it_asks_for_the_picture_that_a_part_needs(ann_client: Client, image_model: AIModel) -> None:
    said = refused(ann_client, SMALL | {"control": {"name": "edges", "picture": None}})

    assert (said["code"], said["field"]) == ("image-source-needed", "control.picture")


def test_it_says_how_large_and_how_many(ann_client: Client, image_model: AIModel) -> None:
    axes = [{"kind": "steps", "values": "2, 3, 4"}, {"kind": "guidance", "values": "3, 7"}]

    grid = post(ann_client, "estimate", SMALL | {"axes": axes, "hires": {"scale": 1.5}}).json()
    mixed = post(ann_client, "estimate", SMALL | {"axes": [{"kind": "size", "values": "64x64, 96x64"}]}).json()

    assert grid["cells"] == [3, 2]
    assert "96 × 96" in grid["cost"]
    assert "×" not in mixed["cost"]
