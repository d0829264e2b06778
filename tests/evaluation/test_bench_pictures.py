"""The benchmark of drawing compares the same job: same picture, counted steps, a wish to stop that is granted."""

from pathlib import Path

import pytest

from apps.catalog.models import AIModel
from apps.evaluation.bench import pictures
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion import tiny


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RuntimeSpec:
    made = RuntimeSpec("tiny", "diffusers", tiny.save(tmp_path / "tiny"), threads=1)
    monkeypatch.setattr(pictures, "default_model", lambda _kind: AIModel(name="tiny", capabilities={"side": 48}))
    monkeypatch.setattr(pictures, "spec_of", lambda _model: made)
    return made


@pytest.mark.usefixtures("spec")
def test_it_draws_the_same_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "STEPS", 4)
    monkeypatch.setattr(pictures, "LONG_STEPS", 60)
    monkeypatch.setattr(pictures, "STOPS", 1)
    found = pictures.image_ratio(rounds=1)

    assert found["image_same_bytes"]
    assert found["image_ratio"] > 0
    assert found["image_stop_steps"] <= 1


@pytest.mark.usefixtures("spec")
def test_it_says_that_another_runtime_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "spec_of", lambda _model: RuntimeSpec("fake", "fake", Path()))

    with pytest.raises(RuntimeFailure, match="not run by diffusers"):
        pictures.image_ratio(rounds=1)
