"""The weights in the repository: whole, small, loadable offline, and as good as their card says."""

import json
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.catalog.cards import card_of
from apps.catalog.install import install, is_installed
from apps.catalog.manifest import PACKAGED_MODELS
from apps.catalog.models import AIModel
from apps.runtimes.files import check_folder

SHAPES = next(model for model in PACKAGED_MODELS if model.name == "shapes-demo")


def test_its_files_are_those_of_its_manifest() -> None:
    check_folder(SHAPES.bundle)


def test_it_is_small_and_says_what_it_is() -> None:
    card = card_of(SHAPES.bundle)

    assert sum(path.stat().st_size for path in SHAPES.bundle.rglob("*.safetensors")) < SHAPES.size_bytes
    assert SHAPES.size_bytes <= 16 * 1024 * 1024
    assert card.licence == "apache-2.0"
    assert "not a general image model" in card.text


def test_it_is_the_image_model_of_a_fresh_installation(tmp_path: Path) -> None:
    assert SHAPES.kind == AIModel.Kind.IMAGE
    assert SHAPES.is_default
    assert install(SHAPES, tmp_path)
    assert is_installed(SHAPES, tmp_path)
    assert not install(SHAPES, tmp_path)


def test_it_loads_offline_from_plain_files() -> None:
    pipeline = import_module("apps.runtimes.diffusion.demo.drawing").load(SHAPES.bundle)

    assert pipeline.safety_checker is None
    assert pipeline.vae_scale_factor == 8
    assert str(pipeline.unet.dtype) == "torch.float32"


@pytest.mark.models
@pytest.mark.xdist_group("models")
def test_it_draws_what_it_is_asked_for() -> None:
    out = StringIO()

    call_command("evaluate_image_model", "--seeds", "3", "--json", stdout=out)

    measured: dict[str, Any] = json.loads(out.getvalue())
    assert measured["failures"] == []
    assert measured["pictures"] == 72
