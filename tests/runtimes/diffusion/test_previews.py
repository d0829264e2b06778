"""Previews show the picture that the denoiser expects, cheaply, and are no part of the picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, DDPMScheduler

from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion import previews
from apps.runtimes.diffusion.engine import DiffusersModel
from apps.runtimes.diffusion.previews import Glimpse, Previewer, linear_map
from apps.runtimes.drawing import PromptPart
from tests.runtimes.diffusion import tiny
from tests.runtimes.diffusion.tiny import drawing, ignore, said


def shown(model: DiffusersModel, **more: object) -> list[Picture | None]:
    seen: list[Picture | None] = []
    model.draw(drawing(**more), lambda progress: seen.append(progress.preview))
    return seen


@pytest.mark.usefixtures("always_shown")
def test_it_shows_each_step(model: DiffusersModel) -> None:
    assert all(preview is not None for preview in shown(model))


def test_it_shows_nothing_more_often_than_anybody_looks(model: DiffusersModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "EVERY_S", 3600.0)

    assert shown(model) == [None] * 5


@pytest.mark.usefixtures("always_shown")
@pytest.mark.parametrize("sampler", ["dpmpp_2m", "euler", "ddim"])
def test_it_shows_the_finished_picture_at_the_last_step(model: DiffusersModel, sampler: str) -> None:
    """These samplers end with the very latents that the denoiser expected."""
    last = shown(model, sampler=sampler)[-1]

    assert last is not None
    assert np.abs(last.astype(int) - model.draw(drawing(sampler=sampler), ignore)).mean() < 3


@pytest.mark.usefixtures("always_shown")
def test_it_shows_pictures_composed_of_parts_and_without_guidance(model: DiffusersModel) -> None:
    parts = tuple(PromptPart((said(word),)) for word in ("red", "blue"))

    for more in ({"positive": parts}, {"guidance": 1.0}, {"positive": parts, "guidance": 1.0}):
        last = shown(model, **more)[-1]
        assert last is not None
        assert np.abs(last.astype(int) - model.draw(drawing(**more), ignore)).mean() < 3


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_it_predicts_the_finished_latents(prediction: str) -> None:
    scheduler = DDPMScheduler(prediction_type=prediction)
    share = scheduler.alphas_cumprod[400]
    finished, noise = torch.randn(2, 1, 4, 6, 8, generator=torch.Generator().manual_seed(1))
    noisy = share.sqrt() * finished + (1 - share).sqrt() * noise
    said = {
        "epsilon": noise,
        "v_prediction": share.sqrt() * noise - (1 - share).sqrt() * finished,
        "sample": finished,
    }[prediction]
    glimpse = Glimpse(1.0, scheduler.alphas_cumprod, prediction)

    assert glimpse.latents() is None
    glimpse.listen(None, (noisy, torch.tensor(400)), (said,))
    latents = glimpse.latents()

    assert latents is not None
    assert torch.allclose(latents, finished, atol=1e-4)


class LinearAutoencoder(torch.nn.Module):
    """Its latents are the mean colours of 8 by 8 pixels, turned and shifted: a linear map can undo it."""

    config = type("Config", (), {"scaling_factor": 0.5})()
    device = torch.device("cpu")
    dtype = torch.float32

    def encode(self, signal: torch.Tensor) -> object:
        turned = torch.nn.functional.avg_pool2d(signal, 8).roll(1, dims=1) + 0.1
        mode = torch.cat([turned, turned[:, :1] * 2], dim=1)
        return type("Encoded", (), {"latent_dist": type("Dist", (), {"mode": lambda _self: mode})()})()


def test_it_fits_the_map_from_latents_to_colours() -> None:
    vae = LinearAutoencoder()
    picture = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(2))
    colours = linear_map(vae)(vae.encode(2 * picture - 1).latent_dist.mode() * 0.5)  # type: ignore[attr-defined]

    assert colours.shape == (1, 3, 6, 8)
    assert torch.allclose(colours, torch.nn.functional.avg_pool2d(picture, 8), atol=1e-3)


@pytest.fixture
def picture_of(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Picture]:
    """Return what shows latents where the model's own autoencoder is too large for it."""
    monkeypatch.setattr(previews, "_SMALL_PARAMETERS", 0)
    pipeline = tiny.pipeline()
    return torch.no_grad()(lambda folder: Previewer(pipeline, folder)._picture(torch.zeros(1, 4, 6, 8)))


def test_it_shows_a_pixel_for_each_latent(picture_of: Callable[[Path], Picture], tmp_path: Path) -> None:
    assert picture_of(tmp_path).shape == (6, 8, 3)


def test_it_decodes_by_taesd_where_it_lies_in_the_folder(picture_of: Callable[[Path], Picture], tmp_path: Path) -> None:
    AutoencoderTiny(
        encoder_block_out_channels=(4, 4, 4, 4),
        decoder_block_out_channels=(4, 4, 4, 4),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).save_pretrained(tmp_path / "taesd")

    assert picture_of(tmp_path).shape == (48, 64, 3)
