"""Adding a model folder that an operator brings."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.catalog.adding import NotAdded, add_folder
from apps.catalog.models import AIModel
from apps.catalog.services import ready_models
from tests.runtimes.tiny_cross_encoder import build


@pytest.fixture(autouse=True)
def models_dir(settings: Any, tmp_path: Path) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    return tmp_path / "models"


@pytest.mark.models
@pytest.mark.django_db
def test_it_adds_a_rerank_model_and_uses_it(tmp_path: Path, models_dir: Path) -> None:
    folder = build(tmp_path / "Tiny.v1")
    (folder / "README.md").write_text("what a hub adds")
    out = StringIO()

    call_command("add_model", str(folder), "--kind", "rerank", "--licence", "MIT", stdout=out)

    model = ready_models(AIModel.Kind.RERANK).get()
    assert (model.name, model.is_default, model.max_tokens) == ("tiny-v1", True, 64)
    assert "used from now on" in out.getvalue()
    assert not (models_dir / "tiny-v1" / "README.md").exists()
    with pytest.raises(CommandError, match="already"):
        call_command("add_model", str(folder), "--kind", "rerank")


@pytest.mark.models
@pytest.mark.django_db
def test_it_leaves_nothing_of_a_model_that_cannot_rank(tmp_path: Path, models_dir: Path) -> None:
    with pytest.raises(NotAdded, match="3 scores"):
        add_folder(build(tmp_path / "classes", labels=3), kind="rerank")

    assert not AIModel.objects.exists()
    assert list(models_dir.iterdir()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"config.json": "{}"}, id="no weights"),
        pytest.param({"config.json": "[]", "a.safetensors": ""}, id="no object"),
        pytest.param({"config.json": "{}", "pytorch_model.bin": "x"}, id="pickle"),
    ],
)
def test_it_refuses_what_is_no_model(tmp_path: Path, files: dict[str, str]) -> None:
    """Security case 80: weights that can hold code are never copied, let alone loaded."""
    folder = tmp_path / "other"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)

    with pytest.raises(NotAdded):
        add_folder(folder, kind="rerank")

    assert not AIModel.objects.exists()


@pytest.mark.django_db
def test_it_judges_a_folder_as_the_console_does(tmp_path: Path, models_dir: Path) -> None:
    """Security case 79: a configuration that asks for code of its own is refused by the command, too."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "own.Model"}}')
    header = b"{}"
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)

    with pytest.raises(NotAdded, match="auto_map"):
        add_folder(folder, kind="rerank")

    assert list(models_dir.iterdir()) == []
