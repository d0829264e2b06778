"""Small coarse pictures of what the denoiser expects at a step, while a picture is drawn.

Noise shows nothing, so the finished latents are predicted from what the denoiser was given and said. Decoding them
takes longer than a step does; instead a linear map from the latent channels to red, green and blue is fitted once per
model by least squares, on patches of colour that its own autoencoder encodes. An autoencoder that is small itself
decodes, and so does TAESD where it lies in the model's folder.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny, DDPMScheduler
from torch import Tensor
from torch.nn import functional

from apps.runtimes.contracts import Picture

EVERY_S = 0.4  # pages ask about once a second
MOST_TIME = 0.01  # the share of the time that previews may take
_TINY_FOLDER = "taesd"
_SMALL_PARAMETERS = 5_000_000
_SAMPLES = 24
_SIDE = 64
_PATCHES = (1, 2)  # per side; smaller ones blur each other (measured: the map explained 0.55 instead of 0.66)


class Glimpse:
    """What the denoiser was given and said at its last call."""

    def __init__(self, guidance: float, signal: Tensor, prediction: str) -> None:
        self._guidance = guidance
        self._signal = signal  # the share of signal in the variance, by timestep
        self._prediction = prediction
        self._seen: tuple[Tensor, float, Tensor] | None = None

    def listen(self, _module: Any, args: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Remember a call; a forward hook."""
        self._seen = args[0], float(args[1]), output[0]

    def latents(self) -> Tensor | None:
        """Return the finished latents (1, channels, height, width) as predicted at the last call."""
        if self._seen is None:
            return None
        given, timestep, said = self._seen
        said = said[:1] + self._guidance * (said[1:] - said[:1]) if len(said) > 1 else said
        noisy = given[:1, : said.shape[1]]
        share = self._signal[min(round(timestep), len(self._signal) - 1)]
        signal, noise = share.sqrt(), (1 - share).sqrt()
        if self._prediction == "v_prediction":
            return signal * noisy - noise * said
        return said if self._prediction == "sample" else (noisy - noise * said) / signal


class Previewer:
    """Makes previews for one model; fits its map at the first."""

    def __init__(self, pipeline: Any, folder: Path) -> None:
        self._vae = pipeline.vae
        self._colours: Callable[[Tensor], Tensor] | None = None
        self._folder = folder
        self._cost_s = 0.0
        noise: Any = DDPMScheduler.from_config(pipeline.scheduler.config)
        self._signal = noise.alphas_cumprod
        self._prediction = str(noise.config.prediction_type)

    @contextmanager
    def watching(self, denoiser: Any, guidance: float) -> Iterator[Callable[[], Picture | None]]:
        """Watch a denoiser; yield what shows its picture, or None where it began or showed one just now."""
        glimpse = Glimpse(guidance, self._signal, self._prediction)
        due = time.monotonic() + self._pause_s()

        def show() -> Picture | None:
            nonlocal due
            began = time.monotonic()
            latents = None if began < due else glimpse.latents()
            if latents is None:
                return None
            picture = self._picture(latents)
            self._cost_s = time.monotonic() - began
            due = began + self._cost_s + self._pause_s()
            return picture

        hook = denoiser.register_forward_hook(glimpse.listen)
        try:
            yield show
        finally:
            hook.remove()

    def _pause_s(self) -> float:
        """Return how long to show nothing, by what the last preview cost."""
        return max(EVERY_S, self._cost_s / MOST_TIME)

    def _picture(self, latents: Tensor) -> Picture:
        if self._colours is None:
            self._colours = _decoder(self._vae, self._folder)
        colours = self._colours(latents)[0].movedim(0, -1).float().clamp(0, 1)
        picture: Picture = np.ascontiguousarray((colours * 255).round().byte().cpu().numpy())
        return picture


def _decoder(vae: Any, folder: Path) -> Callable[[Tensor], Tensor]:
    """Return what makes colours 0..1, shape (1, 3, height, width), of latents as they stand in a denoising loop."""
    if sum(weights.numel() for weights in vae.parameters()) < _SMALL_PARAMETERS:
        return lambda latents: vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0] / 2 + 0.5
    path = folder / _TINY_FOLDER
    if (path / "config.json").is_file():
        tiny: Any = AutoencoderTiny.from_pretrained(
            path, dtype=vae.dtype, use_safetensors=True, local_files_only=True
        ).to(vae.device)
        return lambda latents: tiny.decode(latents, return_dict=False)[0] / 2 + 0.5
    return linear_map(vae)


def linear_map(vae: Any) -> Callable[[Tensor], Tensor]:
    """Return the linear map from latents to colours, one pixel each, that is nearest for patches of colour."""
    pictures = _patches()
    latents = vae.encode((2 * pictures - 1).to(device=vae.device, dtype=vae.dtype)).latent_dist.mode()
    rows = _with_ones((latents.float().cpu() * vae.config.scaling_factor).movedim(1, -1).flatten(0, 2))
    colours = functional.adaptive_avg_pool2d(pictures, latents.shape[-2:]).movedim(1, -1).flatten(0, 2)
    matrix = torch.linalg.lstsq(rows, colours, driver="gelsd").solution  # channels may depend on each other
    return lambda latents: (_with_ones(latents.float().cpu().movedim(1, -1)) @ matrix).movedim(-1, 1)


def _patches() -> Tensor:
    """Return pictures of colour patches, shape (n, 3, side, side), 0..1: the same ones always."""
    generator = torch.Generator("cpu").manual_seed(0)
    grids = [torch.rand(_SAMPLES // len(_PATCHES), 3, count, count, generator=generator) for count in _PATCHES]
    return torch.cat([functional.interpolate(grid, size=(_SIDE, _SIDE), mode="nearest") for grid in grids])


def _with_ones(rows: Tensor) -> Tensor:
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)
