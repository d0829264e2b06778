"""A chat model writes a prompt: asked under a schema, checked again here, asked once more where it is not right."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from apps.images.assistant import asking, shapes
from apps.images.assistant.craft import Written, written
from apps.images.assistant.errors import AssistantStopped, AssistantTooSlow, NotWritten
from apps.images.assistant.glossary import meant_by
from apps.runtimes.contracts import ChatModel, Sampling

logger = logging.getLogger(__name__)
T = TypeVar("T")
MAX_TOKENS = 320
MOST_S = 90.0  # for one theme, its second try included
SECOND = 0.7  # temperature of the second try: at 0 a model says the same again


@dataclass
class Use:
    """What the tries have cost so far."""

    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """A theme in any language, and what the person never wants; `is_demo`: for the model that knows shapes alone."""

    theme: str
    own: Sequence[str] = ()
    is_demo: bool = False


def write(model: ChatModel, ask: Ask, use: Use, is_unwanted: Callable[[], bool] = lambda: False) -> Written:
    """Return a prompt for a theme; `use` grows while it is written.

    Raises AssistantStopped once `is_unwanted`, AssistantTooSlow, NotWritten where neither try is of use, and
    RuntimeFailure.
    """
    until = time.monotonic() + MOST_S

    def check() -> None:
        if is_unwanted():
            raise AssistantStopped
        if time.monotonic() > until:
            raise AssistantTooSlow

    if ask.is_demo:
        return _shapes(model, ask, use, check)
    prompt = asking.prompt_of(model, ask.theme)
    return _tried(model, prompt, asking.schema(), use, check, lambda text: _written(text, ask))


def _written(text: str, ask: Ask) -> Written | None:
    draft = asking.read(text)
    return None if draft is None else written(draft, ask.own, meant_by(ask.theme))


def _shapes(model: ChatModel, ask: Ask, use: Use, check: Callable[[], None]) -> Written:
    """Return a prompt of the demonstration model's words; none is asked for what the theme says itself."""
    said = shapes.named(ask.theme)
    if shapes.is_complete(said):
        return Written(shapes.caption(said), "")
    prompt = asking.prompt_of(model, ask.theme, shapes.EXAMPLES, shapes.INSTRUCTION)
    words = _tried(model, prompt, shapes.schema(), use, check, shapes.read)
    return Written(shapes.caption(words | said), "")


def _tried(
    model: ChatModel, prompt: str, schema: str, use: Use, check: Callable[[], None], read: Callable[[str], T | None]
) -> T:
    for number, temperature in enumerate((0.0, SECOND)):
        sampling = Sampling(
            max_tokens=MAX_TOKENS, temperature=temperature, seed=number, stop=(asking.STOP,), schema=schema
        )
        text = "".join(_pieces(model, prompt, sampling, use, check)).strip()
        found = read(text)
        if found is not None:
            return found
        logger.info("a prompt was not written as asked", extra={"model": model.name, "try": number + 1})
    raise NotWritten(model=model.name)


def _pieces(model: ChatModel, prompt: str, sampling: Sampling, use: Use, check: Callable[[], None]) -> Iterator[str]:
    use.prompt_tokens += model.count_tokens(prompt)
    check()
    with closing(cast("Any", model.stream(prompt, sampling))) as pieces:
        for piece in pieces:
            use.output_tokens += piece.tokens
            check()
            yield piece.text
