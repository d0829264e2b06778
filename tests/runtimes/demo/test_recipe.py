"""The whole recipe, with next to no effort: it runs, it repeats itself, and what it saves can be drawn with."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from apps.runtimes.diffusion.demo.measuring import Wish

WISH = Wish((("a ", 1.0), ("red", 1.5), (" circle", 1.0)), seed=1)


@pytest.mark.models
@pytest.mark.xdist_group("models")
def test_it_makes_the_same_model_twice(tmp_path: Path) -> None:
    first, again = (made(tmp_path / name) for name in ("first", "again"))

    assert first.shape == (64, 64, 3)
    assert first.tobytes() == again.tobytes()


def made(folder: Path) -> Any:
    """Train for two steps of everything, save, load, and return a picture."""
    recipe, drawing = (import_module(f"apps.runtimes.diffusion.demo.{name}") for name in ("recipe", "drawing"))
    short = recipe.Term(steps=2, learning_rate=1e-3)
    effort = recipe.Effort(24, 2, (2, 1), 2, short, short)
    recipe.save(recipe.train(effort, lambda _line: None), folder)
    return drawing.RawDrawing(drawing.load(folder), steps=2)([WISH])[0]
