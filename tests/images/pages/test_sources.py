"""Pictures that people bring: their settings read, their edges shown, kept as a source."""

import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from PIL import Image, PngImagePlugin

from apps.catalog.models import AIModel
from apps.images.models import Picture
from apps.users.models import Team, User
from tests.images.conftest import INFO, Made

CHINESE = (
    "一个(红色:1.3)的圆\nNegative prompt: 模糊\nSteps: 4, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 128x64"
)
NODES = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5, "steps": 9, "cfg": 6.5, "sampler_name": "euler", "scheduler": "karras",
            "positive": ["6", 0], "negative": ["7", 0], "model": ["4", 0], "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "somewhere/else.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a green square"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "red"}},
}  # fmt: skip


def png(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def send(client: Client, name: str, data: bytes, **fields: str) -> HttpResponse:
    file = SimpleUploadedFile("picture.png", data, "image/png")
    return client.post(f"/images/{name}/", {"file": file, **fields}, headers={"Accept": "application/json"})


def test_it_reads_the_settings_of_automatic1111(ann_client: Client, image_model: AIModel) -> None:
    said = send(ann_client, "read-settings", png(parameters=CHINESE)).json()

    assert said["order"]["prompt"] == "一个(红色:1.3)的圆"
    assert said["order"]["negative"] == "模糊"
    assert (said["order"]["sampler"], said["order"]["seed"], said["order"]["guidance"]) == ("euler_a", 42, 7.5)
    assert (said["order"]["width"], said["order"]["height"]) == (128, 64)
    assert "AUTOMATIC1111" in said["format"]


def test_it_reads_the_settings_of_comfyui_and_says_what_is_not_here(ann_client: Client, image_model: AIModel) -> None:
    said = send(ann_client, "read-settings", png(prompt=json.dumps(NODES))).json()

    assert (said["order"]["prompt"], said["order"]["negative"]) == ("a green square", "red")
    assert (said["order"]["sampler"], said["order"]["schedule"], said["order"]["steps"]) == ("euler", "karras", 9)
    assert "else" in said["notes"][0]


def test_it_reads_back_what_we_wrote(alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    own = alice_client.get(f"/images/pictures/{made(alice, t1).pk}/download/jpeg/").content

    said = send(alice_client, "read-settings", own).json()

    assert said["order"]["prompt"] == INFO.splitlines()[0]
    assert said["order"]["model"] == "fake-image"


def test_it_takes_over_nothing_that_cannot_be_set(ann_client: Client, image_model: AIModel) -> None:
    wild = "a cat\nSteps: 99999, Sampler: DPM adaptive, CFG scale: nan, Seed: -5, Size: 90000x90000"

    said = send(ann_client, "read-settings", png(parameters=wild)).json()

    assert set(said["order"]) <= {"prompt", "negative", "clip_skip"}
    assert len(said["notes"]) == 2


def test_it_says_that_a_picture_tells_nothing(ann_client: Client, image_model: AIModel) -> None:
    assert send(ann_client, "read-settings", png()).json() == {"order": None}


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", png()[:40]], ids=["empty", "gif", "svg", "cut"])
def test_it_refuses_what_is_no_picture(ann_client: Client, image_model: AIModel, data: bytes) -> None:
    for name in ("read-settings", "upload"):
        answer = send(ann_client, name, data)
        assert answer.status_code == 422
        assert answer.json()["code"] == "image-file"


def test_it_keeps_a_source_and_a_mask(ann_client: Client, ann: User, image_model: AIModel) -> None:
    source = send(ann_client, "upload", png(parameters="secret")).json()
    mask = send(ann_client, "upload", png(), kind="mask").json()

    kinds = {str(each.pk): each.kind for each in Picture.objects.filter(owner=ann)}
    assert kinds == {source["id"]: "source", mask["id"]: "mask"}
    assert (source["width"], source["height"]) == (64, 64)
    assert ann_client.get(source["address"]).status_code == 200
    assert source["id"] in ann_client.get("/images/gallery/").content.decode()
    assert mask["id"] not in ann_client.get("/images/gallery/").content.decode()
    assert send(ann_client, "upload", png(), kind="grid").status_code == 422


def test_it_shows_the_edges_of_a_picture(alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    picture = made(alice, t1)

    answer = alice_client.get(f"/images/edges/?picture={picture.pk}&low=10&high=x")

    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (64, 64)
    sized = alice_client.get(f"/images/edges/?picture={picture.pk}&width=128&height=96").content
    assert Image.open(io.BytesIO(sized)).size == (128, 96)
    absurd = alice_client.get(f"/images/edges/?picture={picture.pk}&width=99999&height=99999").content
    assert Image.open(io.BytesIO(absurd)).size == (64, 64)
    assert alice_client.get("/images/edges/?picture=x").status_code == 404
