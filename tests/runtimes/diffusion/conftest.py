"""One tiny image model for all tests of a process; it draws in milliseconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

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
def one_thread() -> Iterator[None]:
    """Let diffusers compute as the models of these tests do, for the sake of equal bytes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def always_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a preview of each step."""
    monkeypatch.setattr(previews, "EVERY_S", 0.0)
    monkeypatch.setattr(previews, "MOST_TIME", float("inf"))
