"""Pictures that are enlarged: by Lanczos, or by a network of the catalogue."""

import io

import numpy as np
import pytest
from PIL import Image

from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.core.invariants import verify
from apps.images import files, jobs, services, tasks, uploads
from apps.images.errors import (
    UnknownAdapter,
)
from apps.images.models import ImageJob, Picture
from apps.images.orders import HiresWish, Order
from apps.runtimes import registry
from apps.runtimes.drawing import Stopped
from apps.runtimes.fake_images import FakeImageModel
from apps.users.models import Team, User
from tests.images.conftest import Place, png
from tests.images.core.test_drawing import adapter, lora


def pictures(job: ImageJob) -> list[Picture]:
    return list(Picture.objects.filter(job=job).order_by("number"))


def sound() -> bool:
    return [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


def test_it_enlarges_without_a_model(fake: FakeImageModel, alice: User, t1: Team) -> None:
    source = uploads.store_upload(user=alice, team=t1, upload=png(50, 30, "red"))

    services.place_order(user=alice, team=t1, order=Order(kind="upscale", source=source.pk, upscale=2.0))
    tasks.draw_pictures()

    large = Picture.objects.get(kind="drawn")
    assert (large.width, large.height, large.origin) == (100, 60, source)
    assert fake.drawn == []
    assert sound()


def test_it_enlarges_by_a_network_of_the_catalogue(fake: FakeImageModel, alice: User, t1: Team) -> None:
    adapter("sharp", "upscaler", runtime="fake")
    source = uploads.store_upload(user=alice, team=t1, upload=png(50, 30, "red"))

    job = services.place_order(
        user=alice, team=t1, order=Order(kind="upscale", source=source.pk, upscale=3.0, upscaler="sharp")
    )
    tasks.draw_pictures()

    large = Picture.objects.get(kind="drawn")
    assert (large.width, large.height, large.origin, large.settings["upscaler"]) == (150, 90, source, "sharp")
    job.refresh_from_db()
    assert job.state == "done"
    assert [each.name for each in registry.loaded()] == ["fake-image", "sharp"]
    assert sound()


def test_a_second_pass_begins_with_a_network_of_the_catalogue(place: Place, fake: FakeImageModel, alice: User) -> None:
    adapter("sharp", "upscaler", runtime="fake")

    place(alice, hires=HiresWish(2.0, upscaler="sharp"))
    tasks.draw_pictures()

    hires = fake.drawn[0].hires
    assert hires is not None
    assert (hires.upscaler, hires.network and hires.network.name) == ("network", "sharp")
    with Image.open(io.BytesIO(files.read(Picture.objects.get().file))) as image:
        assert "Hires upscaler: sharp" in image.info["parameters"]


def test_it_enlarges_by_no_other_name(place: Place, alice: User, t1: Team) -> None:
    """Security case 80: an upscaler that is not there, not open, or another kind of adapter is refused by name."""
    source = uploads.store_upload(user=alice, team=t1, upload=png(50, 30, "red"))
    adapter("closed", "upscaler", is_open=False)
    lora("pink")

    for name in ("closed", "pink", "nothing", "../../etc/passwd", "latent"):
        with pytest.raises(UnknownAdapter):
            services.place_order(user=alice, team=t1, order=Order(kind="upscale", source=source.pk, upscaler=name))
        if name != "latent":
            with pytest.raises(UnknownAdapter):
                place(alice, hires=HiresWish(2.0, upscaler=name))
    assert not ImageJob.objects.exists()


def test_it_stops_an_enlargement_at_a_tile(fake: FakeImageModel, alice: User, t1: Team) -> None:
    adapter("sharp", "upscaler", runtime="fake")
    source = uploads.store_upload(user=alice, team=t1, upload=png(50, 30, "red"))
    job = services.place_order(
        user=alice, team=t1, order=Order(kind="upscale", source=source.pk, upscale=2.0, upscaler="sharp")
    )
    held = jobs.claim()
    assert held is not None
    services.cancel(user=alice, job=job)

    with pytest.raises(Stopped):
        registry.upscaler(spec_of(AIModel.objects.get(name="sharp"))).upscale(
            np.zeros((4, 4, 3), np.uint8), 2.0, jobs.Watch(held).on_step
        )
