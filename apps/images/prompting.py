"""From the prompts of an order to what an image model is told: parts, stages, weights. The grammar is parsed here."""

from collections.abc import Iterator

from apps.images.grammar.attention import parse_attention
from apps.images.grammar.composition import parse_composition
from apps.images.grammar.schedule import Stage, parse_schedule
from apps.images.models import ImageJob
from apps.images.orders import Order
from apps.runtimes.drawing import PromptPart, PromptStage, Weighted


def positive_of(order: Order) -> tuple[PromptPart, ...]:
    """Return the parts of the prompt, without LoRA tags in it. Raises PromptError."""
    parts = parse_composition(order.prompt)
    return tuple(PromptPart(_stages(part.text, order), part.weight) for part in parts)


def negative_of(order: Order) -> tuple[PromptStage, ...]:
    """Return the stages of the negative prompt. Raises PromptError."""
    return _stages(order.negative, order)


def said_by(order: Order) -> set[str]:
    """Return what the prompt says at each step of the drawing, without LoRA tags in it. Raises PromptError.

    `[nu::0.9]de` says "nude" nearly all of the time. An enlargement says nothing.
    """
    if order.kind == ImageJob.Kind.UPSCALE:
        return set()
    stages = (stage for part in positive_of(order) for stage in part.stages)
    return {"".join(" " if span.is_break else span.text for span in stage.spans) for stage in stages}


def _stages(text: str, order: Order) -> tuple[PromptStage, ...]:
    """Return what is said in both passes; where a stage says the same as the one before, they are one."""
    joined: list[Stage] = []
    for stage in _passes(text, order):
        if joined and joined[-1].text == stage.text:
            joined.pop()
        joined.append(stage)
    return tuple(PromptStage(stage.until_step, _weighted(stage.text)) for stage in joined)


def _passes(text: str, order: Order) -> Iterator[Stage]:
    """Yield the stages of the first pass, then those of the second, whose steps count on."""
    yield from parse_schedule(text, order.steps)
    if order.hires is not None:
        for stage in parse_schedule(text, order.steps, hires_steps=order.hires.steps or order.steps):
            yield Stage(order.steps + stage.until_step, stage.text)


def _weighted(text: str) -> tuple[Weighted, ...]:
    return tuple(
        Weighted("", is_break=True) if span.is_break else Weighted(span.text, span.weight)
        for span in parse_attention(text)
    )
