"""Image models and adapters are tried and measured from the console, which offers what each can do and nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from apps.catalog import work
from apps.catalog.manifest import BUNDLED
from apps.catalog.models import AIModel, ModelJob
from apps.catalog.specs import spec_of
from apps.catalog.wording import figures, trial
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake_images import FakeImageModel, failing
from tests.catalog.test_adapters import DIFFUSERS, KOHYA, weights

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def models_dir(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_DIR.mkdir()
    yield settings.MODELS_DIR
    registry.close_all()


def painter(**fields: Any) -> AIModel:
    given = {"name": "brush", "title": "Brush", "kind": "image", "runtime": "fake", "path": "brush", "state": "ready"}
    return AIModel.objects.create(**given | fields)


def asked(client: Client, model: AIModel, action: str) -> ModelJob:
    """Press a button of the model's page and let the worker do it."""
    assert client.post(f"/system/models/{model.pk}/jobs/", {"action": action}).status_code == 302
    assert work.work_one("run")
    return ModelJob.objects.filter(model=model).latest("created_at")


def page(client: Client, model: AIModel) -> str:
    return client.get(f"/system/models/{model.pk}/").content.decode()


def buttons(client: Client, model: AIModel) -> set[str]:
    shown = page(client, model)
    return {each for each in ("test", "benchmark", "load", "unload") if f'name="action" value="{each}"' in shown}


@pytest.mark.parametrize(
    ("capabilities", "side"), [({"side": 64, "steps": 20}, 64), ({"family": "sdxl"}, 256), ({}, 256)]
)
def test_the_test_draws_a_small_picture(root_client: Client, capabilities: dict[str, Any], side: int) -> None:
    model = painter(capabilities=capabilities)

    job = asked(root_client, model, "test")

    assert (job.state, job.result["side"]) == ("done", side), job.error_params
    assert f"It drew a picture of {side} × {side} pixels" in page(root_client, model)


def test_it_measures_steps_and_the_load(root_client: Client) -> None:
    model = painter(capabilities={"side": 64, "steps": 20})

    job = asked(root_client, model, "benchmark")

    assert job.state == "done", job.error_params
    model.refresh_from_db()
    assert model.benchmark["steps_per_s"] > 0
    assert model.benchmark["load_s"] >= 0
    shown = root_client.get("/system/models/").content.decode()
    assert "drawing steps/s" in shown
    assert "at 64 × 64 pixels" in shown
    assert "loaded in" in shown


def test_the_figures_and_the_outcome_are_words() -> None:
    measured = {"steps_per_s": 12.34, "side": 64, "load_s": 1.5, "at": "2026-11-22"}

    assert figures(measured) == ["12.3 drawing steps/s", "at 64 × 64 pixels", "loaded in 1.5 s"]
    assert trial({"side": 64, "seconds": 2.0}) == "It drew a picture of 64 × 64 pixels; with loading that took 2.0 s."


def test_a_model_at_work_stays_loaded_and_its_load_is_not_timed(
    root_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = painter(capabilities={"side": 64})
    asked(root_client, model, "load")
    at_work = registry.image_model(spec_of(model))

    job = asked(root_client, model, "benchmark")

    assert set(job.result) == {"steps_per_s", "side"}
    assert registry.image_model(spec_of(model)) is at_work
    monkeypatch.setattr("apps.catalog.measuring.GRACE_S", -1.0)
    assert "load_s" in asked(root_client, model, "benchmark").result
    monkeypatch.undo()
    assert "load_s" in asked(root_client, model, "benchmark").result  # as it was measured last


def test_a_measurement_is_cancelled_between_steps(root_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    model = painter(capabilities={"side": 64})
    monkeypatch.setattr("apps.catalog.jobs.TELL_S", 0.0)
    draw = FakeImageModel.draw

    def cancelled(self: FakeImageModel, drawing: Any, on_step: Any) -> Any:
        root_client.post(f"/system/models/{model.pk}/cancel/")
        return draw(self, drawing, on_step)

    monkeypatch.setattr(FakeImageModel, "draw", cancelled)

    assert asked(root_client, model, "benchmark").state == "cancelled"


def test_it_says_why_a_model_cannot_draw(root_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    model = painter(capabilities={"side": 64})
    with failing(RuntimeFailure("Out of memory.")):
        assert asked(root_client, model, "test").error_code == "model-broken"

    monkeypatch.setattr(FakeImageModel, "draw", lambda *_: np.zeros((64, 64, 3), np.uint8))
    asked(root_client, model, "test")

    assert "drew an empty picture" in page(root_client, model)


def test_the_page_offers_what_can_be_done(root_client: Client) -> None:
    image, speech = painter(), painter(name="voice", kind="speech")
    adapter = painter(name="lora", kind="adapter", adapter="lora", runtime="diffusers")

    assert buttons(root_client, image) == {"test", "benchmark", "load"}
    assert buttons(root_client, adapter) == {"test"}
    assert buttons(root_client, speech) == set()
    assert "Make it the default" in page(root_client, image)
    assert "Make it the default" not in page(root_client, adapter)
    for action in ("benchmark", "load", "unload"):
        refused = root_client.post(f"/system/models/{adapter.pk}/jobs/", {"action": action})
        assert refused.status_code == 400
    assert root_client.post(f"/system/models/{adapter.pk}/default/").status_code == 400
    assert not ModelJob.objects.exists()


@pytest.fixture
def lora(root_client: Client, models_dir: Path) -> AIModel:
    """Return a LoRA that was added from the models folder."""
    weights(models_dir / "pink" / "pink.safetensors", DIFFUSERS)
    root_client.post("/system/models/add/file/", {"entry": "pink"})
    assert work.work_one("run")
    return AIModel.objects.get(state="ready")


def test_the_test_of_an_adapter_judges_its_file_again(root_client: Client, lora: AIModel) -> None:
    job = asked(root_client, lora, "test")

    assert (job.state, job.result["adapter"]) == ("done", "lora"), job.error_params
    assert "its content is that of an adapter of this kind" in page(root_client, lora)


def test_a_changed_adapter_is_broken(root_client: Client, models_dir: Path, lora: AIModel) -> None:
    weights(models_dir / "pink" / "pink.safetensors", KOHYA)

    assert asked(root_client, lora, "test").error_code == "model-broken"

    lora.refresh_from_db()
    assert lora.state == "broken"


def test_an_adapter_of_another_kind_than_its_row_is_told(root_client: Client, lora: AIModel) -> None:
    AIModel.objects.filter(pk=lora.pk).update(adapter="textual_inversion")

    assert asked(root_client, lora, "test").error_code == "model-broken"
    assert "another kind of adapter" in page(root_client, lora)


@pytest.mark.models
def test_the_demonstration_model_is_added_tried_and_measured(root_client: Client, models_dir: Path) -> None:
    shutil.copytree(BUNDLED / "shapes-demo", models_dir / "shapes", ignore=shutil.ignore_patterns("manifest.json"))
    root_client.post("/system/models/add/file/", {"entry": "shapes"})
    assert work.work_one("run")
    model = AIModel.objects.get()
    assert (model.state, model.kind) == ("ready", "image"), model.error
    assert "It drew a picture of 256 × 256 pixels" in page(root_client, model)
    AIModel.objects.update(capabilities={"side": 64, "steps": 20, "guidance": 3.0})
    asked(root_client, model, "unload")

    job = asked(root_client, model, "benchmark")

    assert job.state == "done", job.error_params
    assert job.result["load_s"] > 0
    assert 0 < job.result["steps_per_s"] < 1_000
