"""Samplers and noise schedules by key: the classes and settings of diffusers that stand for AUTOMATIC1111's names.

The keys are those of apps.images.grammar.samplers; tests/runtimes/diffusion holds the two tables together.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import diffusers
import numpy as np
import numpy.typing as npt

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.ipndm import ModelIPNDMScheduler

AUTOMATIC = "automatic"
UNIFORM = "uniform"
_BETA = "beta"
_SIGMA_FLAGS = {"karras": "use_karras_sigmas", "exponential": "use_exponential_sigmas", _BETA: "use_beta_sigmas"}
_TRAILING = "sgm_uniform"
_SHORTEST_DISTILLATION = 50  # steps; LCM and TCD take a subset of those that they were distilled from

# DPM++ SDE asks for noise between times that differ from its limits by a rounding error.
warnings.filterwarnings("ignore", message=r"Should have t[ab]", category=UserWarning)


@dataclass(frozen=True, slots=True)
class _Sampler:
    """A class of schedulers, how it is set, and what "Automatic" stands for."""

    kind: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    automatic: str = UNIFORM


_SAMPLERS = {
    "euler": _Sampler(diffusers.EulerDiscreteScheduler),
    "euler_a": _Sampler(diffusers.EulerAncestralDiscreteScheduler),
    "heun": _Sampler(diffusers.HeunDiscreteScheduler),
    "lms": _Sampler(diffusers.LMSDiscreteScheduler),
    "dpm2": _Sampler(diffusers.KDPM2DiscreteScheduler, automatic="karras"),
    "dpm2_a": _Sampler(diffusers.KDPM2AncestralDiscreteScheduler, automatic="karras"),
    "dpmpp_2m": _Sampler(diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}, "karras"),
    "dpmpp_2m_sde": _Sampler(
        diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}, "exponential"
    ),
    "dpmpp_3m_sde": _Sampler(
        diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++", "solver_order": 3}, "exponential"
    ),
    "dpmpp_sde": _Sampler(diffusers.DPMSolverSDEScheduler, automatic="karras"),
    "deis": _Sampler(diffusers.DEISMultistepScheduler),
    "unipc": _Sampler(diffusers.UniPCMultistepScheduler),
    "ddim": _Sampler(diffusers.DDIMScheduler),
    "lcm": _Sampler(diffusers.LCMScheduler),
    "tcd": _Sampler(diffusers.TCDScheduler),
    "ipndm": _Sampler(ModelIPNDMScheduler),
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a scheduler is built for: keys of sampler and schedule, the steps, and the seed of samplers that draw noise.

    Of all samplers only DPM++ SDE does not take its noise from the generator that the pipeline hands on.
    """

    sampler: str
    schedule: str
    steps: int
    seed: int


def build_scheduler(trained: Mapping[str, Any], sampling: Sampling) -> Any:
    """Return a new scheduler for a model that was trained with the noise of the configuration `trained`.

    Raises RuntimeFailure where there is no such sampler, or where it cannot follow the schedule.
    """
    found = _SAMPLERS.get(sampling.sampler)
    if found is None:
        raise RuntimeFailure(f"There is no sampler {sampling.sampler!r}.")
    schedule = found.automatic if sampling.schedule == AUTOMATIC else sampling.schedule
    known = _parameters(found.kind)
    options = {flag: False for flag in _SIGMA_FLAGS.values() if flag in known} | dict(found.options)
    options |= _flags_of(schedule, sampling.sampler, known)
    if "noise_sampler_seed" in known:
        options["noise_sampler_seed"] = sampling.seed
    if "original_inference_steps" in known:
        options["original_inference_steps"] = max(_SHORTEST_DISTILLATION, sampling.steps)
    scheduler = found.kind.from_config(dict(trained), **options)
    if schedule == _BETA:
        scheduler._convert_to_beta = partial(_beta_sigmas, scheduler.alphas_cumprod.numpy())
    return scheduler


def _flags_of(schedule: str, sampler: str, known: frozenset[str]) -> dict[str, Any]:
    if schedule == UNIFORM:
        return {}
    if schedule in _SIGMA_FLAGS and _SIGMA_FLAGS[schedule] in known:
        return {_SIGMA_FLAGS[schedule]: True}
    if schedule == _TRAILING and "timestep_spacing" in known:
        return {"timestep_spacing": "trailing"}
    raise RuntimeFailure(f"The sampler {sampler!r} cannot follow the noise schedule {schedule!r}.")


def _beta_sigmas(
    alphas: npt.NDArray[np.float32], *, in_sigmas: object, num_inference_steps: int
) -> npt.NDArray[np.float32]:
    """Return the sigmas at times that follow the beta distribution of 0.6 and 0.6, shape (steps,), from the loudest.

    So have it Lee et al. 2024 ("Beta Sampling is All You Need", arXiv 2407.12173) and ComfyUI. diffusers and
    AUTOMATIC1111 let the sigmas themselves follow it, which leaves hardly any between 1 and the loudest: samplers of
    higher order then draw no picture within 20 steps. `alphas` are the products of the model, one for each time.
    """
    from scipy.stats import beta  # noqa: PLC0415 -- half a second that one schedule needs

    log_sigmas = np.log((1 - alphas.astype(np.float64)) / alphas) / 2
    times = beta.ppf(1 - np.arange(num_inference_steps) / num_inference_steps, 0.6, 0.6) * (len(alphas) - 1)
    sigmas: npt.NDArray[np.float32] = np.exp(np.interp(times, np.arange(len(alphas)), log_sigmas)).astype(np.float32)
    return sigmas


@cache
def _parameters(kind: Any) -> frozenset[str]:
    """Return what a scheduler of this class can be told."""
    return frozenset(kind._get_init_keys(kind))
