"""What the denoiser is told at each step: prompt schedules, alternation and prompts composed with AND.

A pipeline of diffusers gives its denoiser one prompt and one negative prompt for all steps. Where a drawing wants more,
hooks on the denoiser (and on a ControlNet) exchange the embeddings step by step and widen the batch to one row for the
negative prompt and one for each part; the parts come back as one: `uncond + Σ wᵢ · (condᵢ − uncond)` (Liu et al. 2022,
"Compositional visual generation with composable diffusion models"). A plain drawing runs without hooks.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from apps.runtimes.diffusion.prompts import Embedding, PromptReader, alike_long
from apps.runtimes.diffusion.words import Words
from apps.runtimes.drawing import Drawing, PromptPart, PromptStage, Weighted

_EMPTY = (Weighted(""),)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Embeddings of one prompt, each up to and with a step; the last holds for all later ones."""

    ends: tuple[int, ...]
    embeddings: tuple[Embedding, ...]

    def at(self, step: int) -> Embedding:
        """Return what is said at a step; steps count from 1."""
        for end, embedding in zip(self.ends, self.embeddings, strict=True):
            if step <= end:
                return embedding
        return self.embeddings[-1]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The embeddings of a drawing, all of the same length."""

    parts: tuple[Timeline, ...]
    weights: tuple[float, ...]
    negative: Timeline

    @property
    def is_plain(self) -> bool:
        """Return whether a pipeline can do it alone: one part, and nothing that changes."""
        timelines = (*self.parts, self.negative)
        return self.weights == (1.0,) and all(len(timeline.ends) == 1 for timeline in timelines)

    def first(self) -> tuple[Embedding, Embedding]:
        """Return the positive and the negative embedding of step 1."""
        return self.parts[0].at(1), self.negative.at(1)


def read_conditions(
    drawing: Drawing, reader: PromptReader, words: Sequence[Words], *, zeros_for_empty: bool
) -> Conditions:
    """Read all prompts of a drawing. `zeros_for_empty`: an empty negative prompt is zeros, as SDXL was trained."""
    seen: dict[tuple[Weighted, ...], Embedding] = {}

    def read(spans: tuple[Weighted, ...]) -> Embedding:
        if spans not in seen:
            seen[spans] = reader.read(spans, drawing.clip_skip, words)
        return seen[spans]

    parts = drawing.positive or (PromptPart(()),)
    positives = [[read(stage.spans) for stage in _stages(part.stages)] for part in parts]
    negatives = [
        _zeros(read(stage.spans)) if zeros_for_empty and _is_empty(stage) else read(stage.spans)
        for stage in _stages(drawing.negative)
    ]
    everything = [*(each for group in positives for each in group), *negatives]
    even = iter(alike_long(everything, lambda: read(_EMPTY)))
    return Conditions(
        parts=tuple(_timeline(_stages(part.stages), even) for part in parts),
        weights=tuple(part.weight for part in parts),
        negative=_timeline(_stages(drawing.negative), even),
    )


class Clock:
    """The step that is being done, from `first` on; the hooks read it."""

    def __init__(self, first: int = 1) -> None:
        self.first = first
        self.step = first


@contextmanager
def conditioned(pipeline: Any, conditions: Conditions, clock: Clock) -> Iterator[None]:
    """Let the denoiser of `pipeline` follow `conditions` for as long as it draws one picture."""
    if conditions.is_plain:
        yield
        return
    composer = _Composer(conditions, clock)
    with ExitStack() as stack:
        for network in filter(None, (pipeline.unet, getattr(pipeline, "controlnet", None))):
            stack.callback(network.register_forward_pre_hook(composer.widen, with_kwargs=True).remove)
        stack.callback(pipeline.unet.register_forward_hook(composer.narrow).remove)
        yield


class _Composer:
    """The hooks: `widen` gives each part a row of the batch, after the negative prompt's; `narrow` makes them one."""

    def __init__(self, conditions: Conditions, clock: Clock) -> None:
        self._conditions = conditions
        self._clock = clock
        self._given = 0  # rows that the pipeline gave: 2 with guidance, 1 without

    def widen(self, _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        sample = args[0]
        self._given = len(sample)
        rows = _rows(self._given, self._conditions.weights)
        told = [each.at(self._clock.step) for each in self._conditions.parts]
        if len(rows) > len(told):
            told.insert(0, self._conditions.negative.at(self._clock.step))
        kwargs = {name: _chosen(value, self._given, rows) for name, value in kwargs.items()}
        kwargs["encoder_hidden_states"] = torch.cat([each.states for each in told]).to(sample)
        pooled = [each.pooled for each in told if each.pooled is not None]
        if pooled and kwargs.get("added_cond_kwargs"):
            kwargs["added_cond_kwargs"] = kwargs["added_cond_kwargs"] | {"text_embeds": torch.cat(pooled).to(sample)}
        return (sample[rows], *args[1:]), kwargs

    def narrow(self, _module: Any, _args: Any, output: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        noise = output[0]
        if len(noise) == 1:
            return output
        without, parts = noise[:1], noise[1:]
        weights = torch.tensor(self._conditions.weights, device=noise.device, dtype=noise.dtype)
        composed = without + (weights[:, None, None, None] * (parts - without)).sum(0, keepdim=True)
        rows = composed if self._given == 1 else torch.cat([without, composed])
        return (rows, *output[1:])


def _rows(given: int, weights: Sequence[float]) -> list[int]:
    """Return which row of the pipeline's batch each row of ours is: [negative, part, part, …]."""
    if given == 1:  # without guidance
        return [0] if tuple(weights) == (1.0,) else [0] * (len(weights) + 1)
    return [0] + [1] * len(weights)


def _chosen(value: Any, given: int, rows: Sequence[int]) -> Any:
    """Return the rows of whatever has one for each row of the pipeline's batch; what a ControlNet made has ours."""
    if isinstance(value, Tensor):
        return value[rows] if value.ndim > 1 and len(value) == given else value
    if isinstance(value, dict):
        return {name: _chosen(each, given, rows) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_chosen(each, given, rows) for each in value)
    return value


def _timeline(stages: Sequence[PromptStage], embeddings: Iterator[Embedding]) -> Timeline:
    return Timeline(tuple(stage.until_step for stage in stages), tuple(next(embeddings) for _stage in stages))


def _stages(stages: tuple[PromptStage, ...]) -> tuple[PromptStage, ...]:
    return stages or (PromptStage(1, _EMPTY),)


def _is_empty(stage: PromptStage) -> bool:
    return not any(span.text.strip() for span in stage.spans)


def _zeros(embedding: Embedding) -> Embedding:
    pooled = None if embedding.pooled is None else torch.zeros_like(embedding.pooled)
    return Embedding(torch.zeros_like(embedding.states), pooled)
