"""The judge of pictures, held against pictures whose content is known."""

from statistics import fmean

import numpy as np
import pytest

from apps.runtimes.diffusion.demo.judging import judge
from apps.runtimes.diffusion.demo.shapes import Figure, Scene, draw, examples


def test_it_is_right_about_clean_pictures() -> None:
    scenes = [example.scene for example in examples(900, seed=11)]
    single = [scene for scene in scenes if len(scene.figures) == 1 and not scene.figures[0].second]

    seen = [judge(draw(scene)) for scene in single]

    pairs = list(zip(single, seen, strict=True))
    assert fmean(scene.figures[0].colour == verdict.colour for scene, verdict in pairs) >= 0.99
    assert fmean(scene.figures[0].shape == verdict.shape for scene, verdict in pairs) >= 0.99
    assert fmean(scene.background == verdict.background for scene, verdict in pairs) >= 0.99


@pytest.mark.parametrize("shape", ["circle", "square", "triangle"])
def test_it_sees_through_noise(shape: str) -> None:
    clean = draw(Scene((Figure(shape, "purple"),), "gray")).astype(int)
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 20, clean.shape), 0, 255).astype(np.uint8)

    verdict = judge(noisy)

    assert (verdict.colour, verdict.shape, verdict.background) == ("purple", shape, "gray")


def test_it_takes_the_frame_for_the_background_of_a_large_figure() -> None:
    verdict = judge(draw(Scene((Figure("square", "blue", radius=27),), "white")))

    assert verdict.background == "white"
    assert verdict.shares["blue"] > 0.6


def test_it_sees_no_shape_in_an_empty_picture() -> None:
    assert judge(np.full((64, 64, 3), 128, np.uint8)).shape == ""
