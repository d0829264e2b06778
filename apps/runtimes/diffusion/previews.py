"""Small coarse pictures from latents while a picture is drawn, without decoding them.

A linear map from the latent channels to red, green and blue is fitted once per model by least squares, on pictures that
its own autoencoder encodes. Where a small autoencoder (TAESD) lies in the model's folder, that one decodes instead.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from torch.nn import functional

from apps.runtimes.contracts import Picture

_TINY_FOLDER = "taesd"
_SAMPLES = 24
_SIDE = 64
_PATCHES = (2, 4, 8)  # per side: large areas and small ones


class Previewer:
    """Makes previews for one model; fits its map at the first."""

    def __init__(self, vae: Any, folder: Path) -> None:
        self._vae = vae
        self._map: _Linear | None = None
        self._tiny: Any = _tiny_of(folder, vae)

    def show(self, latents: Tensor) -> Picture:
        """Return what latents (1, channels, height, width) look like, as they stand in a denoising loop."""
        if self._tiny is not None:
            return _as_picture(self._tiny.decode(latents, return_dict=False)[0] / 2 + 0.5)
        if self._map is None:
            self._map = _Linear(self._vae)
        return _as_picture(self._map.colours(latents))


class _Linear:
    """Latents to colours 0..1, by least squares over patches of random colours."""

    def __init__(self, vae: Any) -> None:
        pictures = _patches()
        signal = (2 * pictures - 1).to(device=vae.device, dtype=vae.dtype)
        latents = vae.encode(signal).latent_dist.mode().float().cpu() * vae.config.scaling_factor
        colours = functional.adaptive_avg_pool2d(pictures, latents.shape[-2:])
        self._loudness = latents.std()
        flat = _with_ones(latents.movedim(1, -1).flatten(0, 2))
        self._matrix = torch.linalg.lstsq(flat, colours.movedim(1, -1).flatten(0, 2)).solution

    def colours(self, latents: Tensor) -> Tensor:
        """Return colours (1, 3, height, width). Latents louder than a finished picture's, early ones, are damped."""
        plain = latents.float().cpu()
        plain = plain * (self._loudness / plain.std()).clamp(max=1)
        colours: Tensor = _with_ones(plain.movedim(1, -1)) @ self._matrix
        return colours.movedim(-1, 1)


def _tiny_of(folder: Path, vae: Any) -> Any:
    path = folder / _TINY_FOLDER
    if not (path / "config.json").is_file():
        return None
    tiny = AutoencoderTiny.from_pretrained(path, dtype=vae.dtype, use_safetensors=True, local_files_only=True)
    return tiny.to(vae.device).eval()


def _patches() -> Tensor:
    """Return pictures of colour patches, shape (n, 3, side, side), 0..1: the same ones always."""
    generator = torch.Generator("cpu").manual_seed(0)
    grids = [torch.rand(_SAMPLES // len(_PATCHES), 3, count, count, generator=generator) for count in _PATCHES]
    return torch.cat([functional.interpolate(grid, size=(_SIDE, _SIDE), mode="nearest") for grid in grids])


def _with_ones(rows: Tensor) -> Tensor:
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)


def _as_picture(colours: Tensor) -> Picture:
    picture: Picture = (colours[0].movedim(0, -1).clamp(0, 1) * 255).round().byte().cpu().numpy()
    return np.ascontiguousarray(picture)
