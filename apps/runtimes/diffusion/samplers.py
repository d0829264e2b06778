"""Samplers and noise schedules by key: the classes and settings of diffusers that stand for AUTOMATIC1111's names.

The keys are those of apps.images.grammar.samplers; tests/runtimes/diffusion holds the two tables together.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import diffusers

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.ipndm import ModelIPNDMScheduler

AUTOMATIC = "automatic"
UNIFORM = "uniform"
_SIGMA_FLAGS = {"karras": "use_karras_sigmas", "exponential": "use_exponential_sigmas", "beta": "use_beta_sigmas"}
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
    return found.kind.from_config(dict(trained), **options)


def _flags_of(schedule: str, sampler: str, known: frozenset[str]) -> dict[str, Any]:
    if schedule == UNIFORM:
        return {}
    if schedule in _SIGMA_FLAGS and _SIGMA_FLAGS[schedule] in known:
        return {_SIGMA_FLAGS[schedule]: True}
    if schedule == _TRAILING and "timestep_spacing" in known:
        return {"timestep_spacing": "trailing"}
    raise RuntimeFailure(f"The sampler {sampler!r} cannot follow the noise schedule {schedule!r}.")


@cache
def _parameters(kind: Any) -> frozenset[str]:
    """Return what a scheduler of this class can be told."""
    return frozenset(kind._get_init_keys(kind))
