"""A fake model that can be taught, pictures to learn from, and lessons."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.catalog.models import AIModel
from apps.images import files, training_services
from apps.images.lessons import Lesson, Shown
from apps.images.models import ImageJob, Picture
from apps.runtimes.fake_training import WIDTH, FakeTrainer
from apps.users.models import Team, User
from tests import factories

Teach = Callable[..., ImageJob]


@pytest.fixture(autouse=True)
def _nothing_taught(settings: Any, tmp_path: Path) -> None:
    """Keep the models that tests make apart, and forget what other tests taught."""
    settings.MODELS_DIR = tmp_path / "models"
    FakeTrainer.taught.clear()


@pytest.fixture
def base(db: None) -> AIModel:
    """Return the image model that is taught, a fake."""
    model: AIModel = factories.AIModelFactory(
        name="fake-image",
        title="Fake image",
        kind=AIModel.Kind.IMAGE,
        dimensions=None,
        sha256="ab" * 32,
        licence="CC0",
        capabilities={"width": WIDTH, "side": 64, "family": ""},
    )
    return model


def brought(user: User, team: Team, number: int = 0) -> Picture:
    """Return a picture that a person uploaded."""
    stored = files.write(team.pk, np.full((80, 100, 3), number, np.uint8))
    return Picture.objects.create(
        pk=stored.pk, team=team, owner=user, kind=Picture.Kind.SOURCE, file=stored.file, thumbnail=stored.thumbnail,
        sha256=stored.sha256, size_bytes=stored.size_bytes, width=stored.width, height=stored.height,
    )  # fmt: skip


def lesson(learnt: list[Picture], **changes: Any) -> Lesson:
    """Return a short lesson on these pictures."""
    given: dict[str, Any] = {
        "method": "lora",
        "title": "Pink things",
        "model": "",
        "pictures": tuple(Shown(picture.pk, "a pink circle") for picture in learnt),
        "steps": 30,
        "learning_rate": 1e-3,
        "side": 64,
        "seed": 3,
        "validation_prompt": "a pink square",
        "validation_every": 10,
    }
    return Lesson(**given | changes)


@pytest.fixture
def teach(base: AIModel) -> Teach:
    """Return a function that begins a training: teach(user, team, **settings of the lesson)."""

    def _teach(user: User, team: Team, **changes: Any) -> ImageJob:
        pictures = [brought(user, team, number) for number in range(2)]
        return training_services.place_lesson(user=user, team=team, lesson=lesson(pictures, **changes))

    return _teach
