"""A model that lies in the repository is installed from there: checked, copied, and described by its card."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import manifest
from apps.catalog.install import InstallFailure, install, is_installed
from apps.catalog.manifest import PackagedModel
from apps.catalog.models import AIModel
from apps.catalog.services import register_models
from apps.runtimes.files import MANIFEST, sha256_of, write_manifest
from tests.catalog.test_install import MODEL


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PackagedModel:
    """Return a model whose folder lies in a repository."""
    folder = tmp_path / "repository" / "toy"
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "config.json").write_text("{}")
    (folder / "README.md").write_text("---\nlicense: mit\n---\nDraws toys.")
    write_manifest(folder, {})
    monkeypatch.setattr(manifest, "BUNDLED", folder.parent)
    return replace(MODEL, path="toy", form="folder", parts=(), sha256=sha256_of(folder / MANIFEST))


def test_it_is_copied_with_its_folders(bundled: PackagedModel, tmp_path: Path) -> None:
    models = tmp_path / "models"

    assert install(bundled, models)

    assert (models / "toy" / "unet" / "config.json").read_text() == "{}"
    assert (models / "toy" / "README.md").exists()
    assert is_installed(bundled, models)
    assert not install(bundled, models)


def test_a_newer_one_replaces_it(bundled: PackagedModel, tmp_path: Path) -> None:
    install(bundled, tmp_path / "models")
    (bundled.bundle / "unet" / "config.json").write_text('{"newer": true}')
    write_manifest(bundled.bundle, {})
    newer = replace(bundled, sha256=sha256_of(bundled.bundle / MANIFEST))

    assert install(newer, tmp_path / "models")

    assert (tmp_path / "models" / "toy" / "unet" / "config.json").read_text() == '{"newer": true}'


def test_a_damaged_one_is_refused(bundled: PackagedModel, tmp_path: Path) -> None:
    (bundled.bundle / "unet" / "config.json").write_text("[]")

    with pytest.raises(InstallFailure, match=r"the product's own toy cannot be used: unet/config\.json"):
        install(bundled, tmp_path / "models")

    assert {path.name for path in (tmp_path / "models").iterdir()} == {".lock"}


@pytest.mark.django_db
def test_the_catalogue_shows_its_card(
    bundled: PackagedModel, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr("apps.catalog.services.PACKAGED_MODELS", (bundled,))
    settings.MODELS_DIR = tmp_path / "models"
    install(bundled, tmp_path / "models")

    (row,) = register_models()

    assert (row.state, row.card) == (AIModel.State.READY, "Draws toys.")
    AIModel.objects.update(card="What an admin wrote.")
    assert register_models()[0].card == "What an admin wrote."


@pytest.mark.django_db
def test_the_catalogue_says_what_brings_a_missing_one(
    bundled: PackagedModel, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr("apps.catalog.services.PACKAGED_MODELS", (bundled,))
    settings.MODELS_DIR = tmp_path / "models"

    (row,) = register_models()

    assert row.state == AIModel.State.MISSING
    assert "It comes with the product's own toy: run `manage.py install_models`." in row.error
