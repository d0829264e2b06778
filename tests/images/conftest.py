"""A fake image model, orders and pictures, and no bells: tests say when a worker draws."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.images import files, services, tasks
from apps.images.models import ImageJob, Picture
from apps.images.ordering import order_to_json
from apps.images.orders import Order
from apps.images.provenance import Texts
from apps.runtimes import registry
from apps.runtimes.fake_images import FakeImageModel
from apps.users.models import Team, User
from tests import factories

Place = Callable[..., ImageJob]
Made = Callable[..., Picture]
INFO = "a red circle\nSteps: 4, Sampler: Euler a, CFG scale: 3, Seed: 7, Size: 64x64, Model: fake-image"


@pytest.fixture(autouse=True)
def _no_bells(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[None]:
    """Ring for no worker, keep files apart, and drop the fake models after each test."""
    monkeypatch.setattr(tasks, "ring", lambda: None)
    settings.MEDIA_ROOT = tmp_path / "media"
    yield
    registry.close_all()


@pytest.fixture
def image_model(db: None) -> AIModel:
    """Return the default image model, a fake."""
    model: AIModel = factories.AIModelFactory(
        name="fake-image", title="Fake image", kind=AIModel.Kind.IMAGE, dimensions=None, sha256="ab" * 32
    )
    return model


@pytest.fixture
def fake(image_model: AIModel) -> FakeImageModel:
    """Return the fake that draws for the model."""
    model = registry.image_model(spec_of(image_model))
    assert isinstance(model, FakeImageModel)
    return model


def order(**fields: Any) -> Order:
    """Return a small order, with these settings."""
    return Order(**{"prompt": "a red circle", "width": 64, "height": 64, "steps": 4} | fields)


def png(width: int, height: int, colour: str = "red") -> io.BytesIO:
    """Return a PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


@pytest.fixture
def place(image_model: AIModel) -> Place:
    """Return a function that places an order: place(user, team, **settings of the order).

    Without a team it is the person's only one.
    """

    def _place(user: User, team: Team | None = None, **fields: Any) -> ImageJob:
        team = team or user.memberships.get().team
        return services.place_order(user=user, team=team, order=order(**fields))

    return _place


@pytest.fixture
def made(image_model: AIModel) -> Made:
    """Return a function that keeps a picture as a worker would have: made(user, team, **columns)."""

    def _made(user: User, team: Team, **columns: Any) -> Picture:
        drawn = order(prompt="CANARY-T1 circle", model="fake-image", seed=7)
        stored = files.write(team.pk, np.full((64, 64, 3), 200, np.uint8), Texts(INFO))
        values: dict[str, Any] = {
            "pk": stored.pk, "file": stored.file, "thumbnail": stored.thumbnail, "sha256": stored.sha256,
            "size_bytes": stored.size_bytes, "width": 64, "height": 64, "prompt": drawn.prompt, "seed": drawn.seed,
            "settings": order_to_json(drawn), "model_name": "fake-image", "model_sha256": "ab" * 32,
        }  # fmt: skip
        return Picture.objects.create(team=team, owner=user, **(values | columns))

    return _made
