"""The steps of a training, whatever learns. Each step draws its chances from the seed and its own number alone.

So a training that was stopped goes on as if it had not been: nothing but the checkpoint is needed.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.training import checkpoints
from apps.runtimes.diffusion.training.checkpoints import State
from apps.runtimes.diffusion.training.parts import Parts, latents_of, losses_of
from apps.runtimes.training import Course, OnPace, Pace

WARM_UP = 0.05  # the share of steps in which the learning rate rises
_DECAY = 1e-2  # of weights, by AdamW
_MOST_GRADIENT = 1.0
_STEP_SEEDS = 1_000_003  # a prime: courses of neighbouring seeds share no step


class Learner(Protocol):
    """What learns: its parameters, and what the denoiser reads of the captions at this moment."""

    @property
    def parameters(self) -> Mapping[str, torch.nn.Parameter]:
        """Return what learns, by the names of the adapter's file."""
        ...

    def states(self, examples: Tensor) -> Tensor:
        """Return the text states of the examples of these numbers, shape (n, 77, width)."""
        ...

    def prior_states(self, priors: Tensor) -> Tensor:
        """Return those of the priors of these numbers."""
        ...

    def close(self) -> None:
        """Leave the model as it was."""
        ...


def run(parts: Parts, learner: Learner, course: Course, checkpoint: Path, *, until: int, on_step: OnPace) -> State:
    """Train from the checkpoint up to the step `until`, and write it anew, stopped or not. Raises RuntimeFailure."""
    state = checkpoints.read(checkpoint) or _begun(parts, course)
    optimizer = _optimizer(learner, course, state)
    try:
        while state.step < min(until, course.steps):
            loss = _step(parts, learner, optimizer, course, state)
            state.losses.append(loss)
            on_step(Pace(state.step, loss))
    finally:
        _keep(learner, optimizer, state)
        checkpoints.write(checkpoint, state)
    return state


def _begun(parts: Parts, course: Course) -> State:
    state = State(latents={"examples": latents_of(parts, course.examples)})
    if course.priors:
        state.latents["priors"] = latents_of(parts, course.priors)
    return state


def generator_of(course: Course, step: int) -> torch.Generator:
    """Return the chances of a step; step -1 is for the beginning."""
    return torch.Generator().manual_seed((course.seed * _STEP_SEEDS + step) % 2**63)


def _optimizer(learner: Learner, course: Course, state: State) -> torch.optim.AdamW:
    """Return AdamW with the learner's parameters as the state has them."""
    optimizer = torch.optim.AdamW(learner.parameters.values(), course.learning_rate, weight_decay=_DECAY)
    for name, parameter in learner.parameters.items():
        if name not in state.learnt:
            continue
        with torch.no_grad():
            parameter.copy_(state.learnt[name])
        optimizer.state[parameter] = {
            "step": torch.tensor(float(state.step)),
            "exp_avg": state.first[name].to(parameter.device),
            "exp_avg_sq": state.second[name].to(parameter.device),
        }
    return optimizer


def _keep(learner: Learner, optimizer: torch.optim.AdamW, state: State) -> None:
    for name, parameter in learner.parameters.items():
        state.learnt[name] = parameter.detach()
        moments = optimizer.state.get(parameter, {})
        state.first[name] = moments.get("exp_avg", torch.zeros_like(parameter))
        state.second[name] = moments.get("exp_avg_sq", torch.zeros_like(parameter))


def _step(parts: Parts, learner: Learner, optimizer: torch.optim.AdamW, course: Course, state: State) -> float:
    for group in optimizer.param_groups:
        group["lr"] = course.learning_rate * _pace(state.step, course.steps)
    loss = _loss(parts, learner, course, state)
    if not math.isfinite(loss.item()):
        raise RuntimeFailure("The training lost its way: take a lower learning rate.")
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch
    torch.nn.utils.clip_grad_norm_(learner.parameters.values(), _MOST_GRADIENT)
    optimizer.step()
    return float(loss.item())


def _pace(step: int, steps: int) -> float:
    """Return the share of the learning rate at a step: it rises fast, then falls evenly, to settle what is learnt."""
    return min((step + 1) / max(1.0, steps * WARM_UP), (steps - step) / (steps * (1 - WARM_UP)), 1.0)


def _loss(parts: Parts, learner: Learner, course: Course, state: State) -> Tensor:
    """Return the loss of a random batch of examples, and of as many priors where there are some."""
    generator = generator_of(course, state.step)
    examples = state.latents["examples"]
    chosen = torch.randint(0, len(examples), (course.batch,), generator=generator)
    latents, states = examples[chosen], learner.states(chosen)
    priors = state.latents.get("priors")
    if priors is None:
        return losses_of(parts, latents, states, generator).mean()
    known = torch.randint(0, len(priors), (course.batch,), generator=generator)
    latents, states = torch.cat([latents, priors[known]]), torch.cat([states, learner.prior_states(known)])
    losses = losses_of(parts, latents, states, generator)
    return losses[: course.batch].mean() + course.prior_weight * losses[course.batch :].mean()
