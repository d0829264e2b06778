"""The sampler IPNDM over the noise that a model was trained with.

The scheduler of this name in diffusers 0.42.1 brings a noise schedule of its own and ignores the model's: on Stable
Diffusion it draws noise. Here the Adams-Bashforth steps of up to fourth order (Liu et al. 2022, "Pseudo numerical
methods for diffusion models on manifolds") run over the sigmas of Euler's scheduler, as in ComfyUI.
"""

from typing import Any

from diffusers import EulerDiscreteScheduler
from torch import Tensor

_COEFFICIENTS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


class ModelIPNDMScheduler(EulerDiscreteScheduler):  # type: ignore[misc]  # diffusers has no types
    """Euler's scheduler whose slope is extrapolated from those of up to three steps before."""

    def set_timesteps(self, *args: Any, **kwargs: Any) -> None:
        """Begin a picture."""
        super().set_timesteps(*args, **kwargs)
        self._slopes: list[Tensor] = []

    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, *, return_dict: bool = True, **_: Any) -> Any:
        """Return the sample at the next sigma, as the other schedulers do."""
        found = super().step(model_output, timestep, sample, return_dict=True)
        sigma, following = self.sigmas[self.step_index - 1], self.sigmas[self.step_index]
        self._slopes = [(sample - found.pred_original_sample) / sigma, *self._slopes[: len(_COEFFICIENTS) - 1]]
        weights = _COEFFICIENTS[len(self._slopes) - 1]
        slope = sum(weight * each for weight, each in zip(weights, self._slopes, strict=True))
        found.prev_sample = (sample + slope * (following - sigma)).to(model_output.dtype)
        return found if return_dict else (found.prev_sample, found.pred_original_sample)
