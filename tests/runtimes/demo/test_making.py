"""Weights reach the repository only by the gate."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from apps.runtimes.diffusion.demo.measuring import measure
from apps.runtimes.files import check_folder
from tests.runtimes.demo.test_measuring import paint


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module with a recipe that writes one small file, and perfect pictures."""
    module = import_module("apps.runtimes.diffusion.demo.making")
    monkeypatch.setattr(module.recipe, "train", lambda _effort, _report: None)
    monkeypatch.setattr(module.recipe, "save", lambda _parts, folder: write_model(folder))
    monkeypatch.setattr(module, "load", lambda _folder: None)
    monkeypatch.setattr(module, "measure", lambda _draw, *, seeds: measure(paint, seeds=seeds))
    return module


def write_model(folder: Path) -> None:
    folder.mkdir()
    (folder / "model_index.json").write_text('{"new": true}')


def make(making: Any, folder: Path) -> None:
    making.make(folder / "work", folder / "shipped", effort=making.Effort(), seeds=1, report=lambda _line: None)


def test_it_puts_good_weights_in_the_place_of_the_old(making: Any, tmp_path: Path) -> None:
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "old.json").write_text("{}")

    make(making, tmp_path)

    assert {path.name for path in (tmp_path / "shipped").iterdir()} == {
        "README.md",
        "manifest.json",
        "model_index.json",
    }
    assert {path.name for path in tmp_path.iterdir()} == {"shipped", "work"}
    check_folder(tmp_path / "shipped")


@pytest.mark.parametrize("bar", ["colour", "background", "shape"])
def test_it_refuses_weights_that_miss_a_bar(
    making: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bar: str
) -> None:
    poor = replace(measure(paint, seeds=1), **{bar: 0.5})
    monkeypatch.setattr(making, "measure", lambda _draw, *, seeds: poor)

    with pytest.raises(making.NotGoodEnough, match=f"{bar} 50.0% <"):
        make(making, tmp_path)

    assert not (tmp_path / "shipped").exists()
    assert (tmp_path / "work").exists()


def test_it_refuses_weights_that_are_too_large(making: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(making, "MOST_BYTES", 5)

    with pytest.raises(making.NotGoodEnough, match="13 bytes > 5"):
        make(making, tmp_path)
