"""Samplers and noise schedules by key: the classes and settings of diffusers that stand for AUTOMATIC1111's names.

The keys are those of apps.images.grammar.samplers; tests/runtimes/diffusion holds the two tables together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import diffusers

from apps.runtimes.contracts import RuntimeFailure

AUTOMATIC = "automatic"
UNIFORM = "uniform"
_SIGMA_FLAGS = {"karras": "use_karras_sigmas", "exponential": "use_exponential_sigmas", "beta": "use_beta_sigmas"}
_TRAILING = "sgm_uniform"
_SHORTEST_DISTILLATION = 50  # steps; LCM and TCD take a subset of those that they were distilled from


@dataclass(frozen=True, slots=True)
class _Sampler:
    """A class of diffusers by name, how it is set, and what "Automatic" stands for."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    automatic: str = UNIFORM


_SAMPLERS = {
    "euler": _Sampler("EulerDiscreteScheduler"),
    "euler_a": _Sampler("EulerAncestralDiscreteScheduler"),
    "heun": _Sampler("HeunDiscreteScheduler"),
    "lms": _Sampler("LMSDiscreteScheduler"),
    "dpm2": _Sampler("KDPM2DiscreteScheduler", automatic="karras"),
    "dpm2_a": _Sampler("KDPM2AncestralDiscreteScheduler", automatic="karras"),
    "dpmpp_2m": _Sampler("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}, "karras"),
    "dpmpp_2m_sde": _Sampler("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}, "exponential"),
    "dpmpp_3m_sde": _Sampler(
        "DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++", "solver_order": 3}, "exponential"
    ),
    "dpmpp_sde": _Sampler("DPMSolverSDEScheduler", automatic="karras"),
    "deis": _Sampler("DEISMultistepScheduler"),
    "unipc": _Sampler("UniPCMultistepScheduler"),
    "ddim": _Sampler("DDIMScheduler"),
    "lcm": _Sampler("LCMScheduler"),
    "tcd": _Sampler("TCDScheduler"),
    "ipndm": _Sampler("IPNDMScheduler"),
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
    kind = getattr(diffusers, found.name)
    known = _parameters(found.name)
    options = {flag: False for flag in _SIGMA_FLAGS.values() if flag in known} | dict(found.options)
    options |= _flags_of(schedule, sampling.sampler, known)
    if "noise_sampler_seed" in known:
        options["noise_sampler_seed"] = sampling.seed
    if "original_inference_steps" in known:
        options["original_inference_steps"] = max(_SHORTEST_DISTILLATION, sampling.steps)
    return kind.from_config(dict(trained), **options)


def _flags_of(schedule: str, sampler: str, known: frozenset[str]) -> dict[str, Any]:
    if schedule == UNIFORM:
        return {}
    if schedule in _SIGMA_FLAGS and _SIGMA_FLAGS[schedule] in known:
        return {_SIGMA_FLAGS[schedule]: True}
    if schedule == _TRAILING and "timestep_spacing" in known:
        return {"timestep_spacing": "trailing"}
    raise RuntimeFailure(f"The sampler {sampler!r} cannot follow the noise schedule {schedule!r}.")


@cache
def _parameters(name: str) -> frozenset[str]:
    """Return what the scheduler of this class can be told."""
    keys: set[str] = getattr(diffusers, name)._get_init_keys(getattr(diffusers, name))
    return frozenset(keys)
