"""The stand-in for image models behaves as the contract says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.drawing import Drawing, Hires, Progress, PromptPart, PromptStage, Stopped, Weighted
from apps.runtimes.fake_images import FakeImageModel, failing


def drawing(text: str = "a red circle", seed: int = 1) -> Drawing:
    stage = PromptStage(4, (Weighted(text),))
    return Drawing((PromptPart((stage,)),), (), width=64, height=48, steps=4, guidance=3.0, seed=seed)


def ignore(_: Progress) -> None:
    """Look at no step."""


def test_it_draws_the_same_bytes_for_the_same_drawing_and_others_for_another() -> None:
    model = FakeImageModel()
    first = model.draw(drawing(), ignore)

    assert first.shape == (48, 64, 3)
    assert np.array_equal(first, FakeImageModel().draw(drawing(), ignore))
    assert not np.array_equal(first, model.draw(drawing("a blue circle"), ignore))
    assert not np.array_equal(first, model.draw(drawing(seed=2), ignore))


def test_it_tells_each_step_with_a_small_preview_and_stops_where_it_is_told() -> None:
    seen: list[Progress] = []

    def stop_at_two(progress: Progress) -> None:
        seen.append(progress)
        if progress.step == 2:
            raise Stopped

    model = FakeImageModel()
    with pytest.raises(Stopped):
        model.draw(drawing(), stop_at_two)

    assert [(each.step, each.steps) for each in seen] == [(1, 4), (2, 4)]
    assert seen[0].preview is not None
    assert seen[0].preview.shape == (6, 8, 3)
    assert not model.is_busy


def test_it_keeps_what_the_mask_keeps() -> None:
    source = np.full((48, 64, 3), 7, np.uint8)
    mask = np.zeros((48, 64), np.uint8)
    mask[:, 32:] = 255

    picture = FakeImageModel().draw(replace(drawing(), source=source, mask=mask, strength=1.0), ignore)

    assert (picture[:, :32] == 7).all()
    assert not (picture[:, 32:] == 7).all()


def test_it_enlarges_and_counts_the_steps_of_both_passes() -> None:
    seen: list[Progress] = []
    large = replace(drawing(), hires=Hires(scale=2.0, steps=6, strength=0.5))

    assert FakeImageModel().draw(large, seen.append).shape == (96, 128, 3)
    assert seen[-1].step == seen[-1].steps == 7


def test_it_fails_where_a_test_says_so() -> None:
    with failing(RuntimeFailure("broken")), pytest.raises(RuntimeFailure, match="broken"):
        FakeImageModel().draw(drawing(), ignore)


def test_it_is_handed_out_by_the_registry_once() -> None:
    spec = registry.RuntimeSpec("pictures", "fake", Path("/nowhere"))
    try:
        assert registry.image_model(spec) is registry.image_model(spec)
        assert registry.image_model(spec).count_tokens("a red circle") == 3
    finally:
        registry.unload("pictures")
