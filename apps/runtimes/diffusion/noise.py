"""Seeds: the first noise of a picture, and the noise between two seeds.

Noise is always drawn on the CPU, so that a seed means the same picture on every machine, as far as its arithmetic goes.
"""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

_NEARLY_PARALLEL = 0.9995


def generator_of(seed: int) -> torch.Generator:
    """Return a generator of this seed."""
    return torch.Generator("cpu").manual_seed(seed)


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Return the tensor at `share` of the arc between two; noise stays as loud as noise (Shoemake 1985)."""
    cosine = (first * second).sum() / (first.norm() * second.norm())
    if cosine.abs() > _NEARLY_PARALLEL:
        return torch.lerp(first, second, share)
    angle = torch.arccos(cosine)
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second) / torch.sin(angle)


class Variation:
    """Mixes the noise of another seed into the first noise of a picture."""

    def __init__(self, seed: int, strength: float) -> None:
        self._seed = seed
        self._strength = strength

    def noise(self, shape: Sequence[int], generator: torch.Generator, like: Tensor) -> Tensor:
        """Return the first noise; `generator` moves on as if it had drawn it alone."""
        own = randn_tensor(tuple(shape), generator=generator, device=like.device, dtype=like.dtype)
        return self._mixed(own)

    def put_into(self, scheduler: Any) -> None:
        """Let a scheduler of one picture add mixed noise to a source, wherever its pipeline adds noise."""
        plain = scheduler.add_noise

        def add_noise(samples: Tensor, noise: Tensor, timesteps: Tensor) -> Any:
            return plain(samples, self._mixed(noise), timesteps)

        scheduler.add_noise = add_noise

    def _mixed(self, own: Tensor) -> Tensor:
        other = randn_tensor(own.shape, generator=generator_of(self._seed), device=own.device, dtype=own.dtype)
        return slerp(own, other, self._strength)
