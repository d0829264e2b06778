"""Stable Diffusion XL is drawn by the same engine: what diffusers draws, and what the studio adds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
from safetensors.torch import save_file

from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.engine import DiffusersModel, load_image_model
from apps.runtimes.drawing import Hires, PromptPart, TokenUse
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion import tiny_xl
from tests.runtimes.diffusion.tiny import drawing, ignore, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_xl.save(tmp_path_factory.mktemp("xl"))


@pytest.fixture(scope="module")
def model(folder: Path) -> DiffusersModel:
    return load_image_model(RuntimeSpec("xl", "diffusers", folder, threads=1))


def draw(model: DiffusersModel, text: str = "red circle", negative: str = "", **more: Any) -> Picture:
    return model.draw(drawing(text, negative, sampler="euler", **more), ignore)


def raw(folder: Path, **call: Any) -> Picture:
    pipeline = StableDiffusionXLPipeline.from_pretrained(folder)
    pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return np.asarray(
            pipeline(
                **call,
                width=64,
                height=48,
                num_inference_steps=5,
                guidance_scale=3.0,
                generator=torch.Generator("cpu").manual_seed(7),
            ).images[0]
        )
    finally:
        torch.set_num_threads(threads)


def test_it_draws_what_diffusers_draws(model: DiffusersModel, folder: Path) -> None:
    assert np.array_equal(draw(model, "red circle", "blue"), raw(folder, prompt="red circle", negative_prompt="blue"))


def test_it_takes_zeros_for_an_empty_negative_prompt_as_diffusers_does(model: DiffusersModel, folder: Path) -> None:
    assert np.array_equal(draw(model), raw(folder, prompt="red circle"))


def test_it_follows_schedules_and_composes_parts(model: DiffusersModel) -> None:
    plain = draw(model, "red")
    stages = (PromptPart((said("red", until=2), said("blue", until=5))),)
    halves = tuple(PromptPart((said("red"),), 0.5) for _ in range(2))

    assert not np.array_equal(draw(model, positive=stages), plain)
    assert np.abs(draw(model, positive=halves).astype(int) - plain).max() <= 1


def test_it_reads_long_prompts_and_skips_layers(model: DiffusersModel) -> None:
    pictures = [draw(model, "red"), draw(model, "red " * 90), draw(model, "red", clip_skip=2)]

    assert len({picture.tobytes() for picture in pictures}) == 3


def test_it_draws_over_sources_and_larger(model: DiffusersModel) -> None:
    source, mask = draw(model), np.zeros((48, 64), np.uint8)
    mask[:, 32:] = 255

    assert not np.array_equal(draw(model, "blue", source=source), source)
    assert np.array_equal(draw(model, "blue", source=source, mask=mask, mask_blur=0)[:, :32], source[:, :32])
    assert draw(model, hires=Hires(2.0, 4, 0.5)).shape == (96, 128, 3)


def test_it_reads_a_learnt_word_by_both_encoders(model: DiffusersModel, tmp_path: Path) -> None:
    """Its encoders are equally wide here, so that one tensor serves both."""
    save_file({"clip_l": torch.randn(2, 16)}, tmp_path / "word.safetensors")
    use = (TokenUse("<thing>", str(tmp_path / "word.safetensors")),)
    plain = draw(model, "a <thing>")

    assert not np.array_equal(draw(model, "a <thing>", tokens=use), plain)
    assert np.array_equal(draw(model, "a <thing>"), plain)
