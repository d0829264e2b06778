"""One tiny image model for all tests of a process; it draws in milliseconds."""

from pathlib import Path

import pytest

from apps.runtimes.diffusion import previews
from apps.runtimes.diffusion.engine import DiffusersModel, load_image_model
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion import tiny


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("tiny-diffusion"))


@pytest.fixture(scope="session")
def model(tiny_folder: Path) -> DiffusersModel:
    return load_image_model(RuntimeSpec("tiny", "diffusers", tiny_folder, threads=1))


@pytest.fixture
def always_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a preview of each step."""
    monkeypatch.setattr(previews, "EVERY_S", 0.0)
    monkeypatch.setattr(previews, "MOST_TIME", float("inf"))
