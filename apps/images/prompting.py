"""From the prompts of an order to what an image model is told: parts, stages, weights. The grammar is parsed here."""

from apps.images.grammar.attention import parse_attention
from apps.images.grammar.composition import parse_composition
from apps.images.grammar.schedule import parse_schedule
from apps.images.models import ImageJob
from apps.images.orders import Order
from apps.runtimes.drawing import PromptPart, PromptStage, Weighted


def positive_of(order: Order) -> tuple[PromptPart, ...]:
    """Return the parts of the prompt, without LoRA tags in it. Raises PromptError."""
    parts = parse_composition(order.prompt)
    return tuple(PromptPart(_stages(part.text, order.steps), part.weight) for part in parts)


def negative_of(order: Order) -> tuple[PromptStage, ...]:
    """Return the stages of the negative prompt. Raises PromptError."""
    return _stages(order.negative, order.steps)


def said_by(order: Order) -> set[str]:
    """Return what the prompt says at each step of the drawing, without LoRA tags in it. Raises PromptError.

    `[nu::0.9]de` says "nude" nearly all of the time. An enlargement says nothing.
    """
    if order.kind == ImageJob.Kind.UPSCALE:
        return set()
    stages = (stage for part in positive_of(order) for stage in part.stages)
    return {"".join(" " if span.is_break else span.text for span in stage.spans) for stage in stages}


def _stages(text: str, steps: int) -> tuple[PromptStage, ...]:
    return tuple(
        PromptStage(
            stage.until_step,
            tuple(
                Weighted("", is_break=True) if span.is_break else Weighted(span.text, span.weight)
                for span in parse_attention(stage.text)
            ),
        )
        for stage in parse_schedule(text, steps)
    )
