"""A fake image model, and pictures as a worker would have kept them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.catalog.models import AIModel
from apps.images import files, tasks
from apps.images.models import ImageJob, Picture
from apps.images.ordering import order_to_json
from apps.images.orders import Order
from apps.images.provenance import Texts
from apps.runtimes import registry
from apps.users.models import Team, User
from tests import factories

Made = Callable[..., Picture]
INFO = "a red circle\nSteps: 4, Sampler: Euler a, CFG scale: 3, Seed: 7, Size: 64x64, Model: fake-image"


@pytest.fixture(autouse=True)
def _no_bells(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[None]:
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
def made(image_model: AIModel) -> Made:
    """Return a function that keeps a picture: made(user, team, **columns)."""

    def _made(user: User, team: Team, **columns: Any) -> Picture:
        order = Order(prompt="CANARY-T1 circle", model="fake-image", width=64, height=64, steps=4, seed=7)
        stored = files.write(team.pk, np.full((64, 64, 3), 200, np.uint8), Texts(INFO))
        values: dict[str, Any] = {
            "pk": stored.pk, "file": stored.file, "thumbnail": stored.thumbnail, "sha256": stored.sha256,
            "size_bytes": stored.size_bytes, "width": 64, "height": 64, "prompt": order.prompt, "seed": order.seed,
            "settings": order_to_json(order), "model_name": "fake-image", "model_sha256": "ab" * 32,
        }  # fmt: skip
        return Picture.objects.create(team=team, owner=user, **(values | columns))

    return _made


@pytest.fixture
def job(image_model: AIModel, alice: User, t1: Team) -> ImageJob:
    """Return an order of alice's that waits."""
    order = Order(prompt="CANARY-T1 order", model="fake-image", width=64, height=64, steps=4, count=2)
    return ImageJob.objects.create(
        team=t1, owner=alice, kind="draw", model=image_model, total=2, steps=4,
        order=order_to_json(order), plan=[{"seed": 1}, {"seed": 2}],
    )  # fmt: skip
