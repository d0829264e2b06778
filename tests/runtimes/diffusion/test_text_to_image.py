"""A plain drawing is what diffusers itself draws, byte for byte; and the same drawing is the same bytes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.engine import DiffusersModel, load_image_model
from apps.runtimes.drawing import Progress, Stopped
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion.tiny import drawing, ignore


def raw(folder: Path, scheduler: str, options: dict[str, Any], **call: Any) -> Picture:
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(
        folder, safety_checker=None, requires_safety_checker=False
    )
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config, **options)
    pipeline.set_progress_bar_config(disable=True)
    settings = {"width": 64, "height": 48, "num_inference_steps": 5, "guidance_scale": 3.0}
    generator = torch.Generator("cpu").manual_seed(7)
    return np.asarray(pipeline(**(settings | call), generator=generator).images[0])


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("sampler", "scheduler", "options"),
    [
        ("dpmpp_2m", "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
        ("euler_a", "EulerAncestralDiscreteScheduler", {}),
        ("heun", "HeunDiscreteScheduler", {}),
        ("ddim", "DDIMScheduler", {}),
    ],
)
def test_it_draws_what_diffusers_draws(
    model: DiffusersModel, tiny_folder: Path, sampler: str, scheduler: str, options: dict[str, Any]
) -> None:
    expected = raw(tiny_folder, scheduler, options, prompt="a red circle, blue", negative_prompt="green")

    picture = model.draw(drawing("a red circle, blue", "green", sampler=sampler), ignore)

    assert picture.dtype == np.uint8
    assert picture.shape == (48, 64, 3)
    assert np.array_equal(picture, expected)


@pytest.mark.usefixtures("one_thread")
def test_it_draws_what_diffusers_draws_without_guidance(model: DiffusersModel, tiny_folder: Path) -> None:
    expected = raw(
        tiny_folder, "DPMSolverMultistepScheduler", {"use_karras_sigmas": True}, prompt="red", guidance_scale=1.0
    )

    assert np.array_equal(model.draw(drawing("red", guidance=1.0), ignore), expected)


def test_it_draws_the_same_bytes_again_and_others_for_another_seed_or_prompt(model: DiffusersModel) -> None:
    first = model.draw(drawing(), ignore)

    assert np.array_equal(first, model.draw(drawing(), ignore))
    assert not np.array_equal(first, model.draw(drawing(seed=8), ignore))
    assert not np.array_equal(first, model.draw(drawing("blue square"), ignore))
    assert not np.array_equal(first, model.draw(drawing(negative="blue square"), ignore))
    assert np.array_equal(first, model.draw(drawing(), ignore))


def test_it_loads_the_same_model_from_the_same_folder(model: DiffusersModel, tiny_folder: Path) -> None:
    again = load_image_model(RuntimeSpec("again", "diffusers", tiny_folder, threads=1))

    assert np.array_equal(again.draw(drawing(), ignore), model.draw(drawing(), ignore))


def test_it_tells_each_step(model: DiffusersModel) -> None:
    seen: list[Progress] = []
    model.draw(drawing(), seen.append)

    assert [(each.step, each.steps) for each in seen] == [(step, 5) for step in range(1, 6)]


@pytest.mark.parametrize("sampler", ["heun", "dpm2", "dpm2_a"])
def test_it_counts_a_step_of_second_order_once(model: DiffusersModel, sampler: str) -> None:
    seen: list[Progress] = []
    model.draw(drawing(sampler=sampler), seen.append)

    assert [each.step for each in seen] == [1, 2, 3, 4, 5]


def test_it_stops_within_a_step_and_draws_the_next_picture_as_ever(model: DiffusersModel) -> None:
    expected = model.draw(drawing(), ignore)
    calls = 0
    hook = model._pipeline.unet.register_forward_pre_hook(lambda *_: count())

    def count() -> None:
        nonlocal calls
        calls += 1

    def stop(progress: Progress) -> None:
        if progress.step == 2:
            raise Stopped

    try:
        with pytest.raises(Stopped):
            model.draw(drawing(steps=50), stop)
    finally:
        hook.remove()

    assert calls == 2
    assert not model.is_busy
    assert np.array_equal(model.draw(drawing(), ignore), expected)


def test_it_is_busy_while_it_draws(model: DiffusersModel) -> None:
    seen: list[bool] = []
    model.draw(drawing(), lambda _: seen.append(model.is_busy))

    assert all(seen)
    assert not model.is_busy


def test_it_gives_the_threads_back(model: DiffusersModel) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model.draw(drawing(), ignore)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_it_counts_tokens(model: DiffusersModel) -> None:
    assert model.count_tokens("") == 0
    assert model.count_tokens("red circle") == 2
    assert model.count_tokens("red " * 200) == 200


def test_it_says_in_one_kind_of_error_what_it_cannot_draw(model: DiffusersModel) -> None:
    with pytest.raises(RuntimeFailure, match="tiny"):
        model.draw(drawing(width=63), ignore)


def test_it_says_that_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="cannot be loaded"):
        load_image_model(RuntimeSpec("none", "diffusers", tmp_path))


def test_it_can_be_closed(tiny_folder: Path) -> None:
    again = load_image_model(RuntimeSpec("again", "diffusers", tiny_folder, threads=1))
    again.close()

    assert not hasattr(again, "_pipeline")


def test_it_changes_nothing_for_a_variation_of_strength_zero(model: DiffusersModel) -> None:
    plain = drawing()

    assert np.array_equal(
        model.draw(replace(plain, variation_seed=3, variation_strength=0.0), ignore), model.draw(plain, ignore)
    )
