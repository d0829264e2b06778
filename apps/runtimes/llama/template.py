"""Chat templates of model files. They are foreign code: rendered in a sandbox, people's text only ever a variable."""

import re
from collections.abc import Sequence
from typing import NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from apps.runtimes.contracts import RuntimeFailure, Turn

_BREAK = "\u200b"  # zero-width space: `<|im_end|>` in a document stays readable but is no control token any more


class ChatTemplate:
    """One model's template, compiled once."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "", special: Sequence[str] = ()) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _raise
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise RuntimeFailure(f"The model's chat template cannot be read: {error}") from error
        self._tokens = {"bos_token": bos, "eos_token": eos}
        longest_first = sorted(filter(None, special), key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def render(self, turns: Sequence[Turn]) -> str:
        """Return the prompt, open for the assistant's turn. Raises RuntimeFailure."""
        try:
            return self._render(turns)
        except TemplateError as error:
            if not turns or turns[0].role != "system":
                raise RuntimeFailure(f"The model's chat template refused the conversation: {error}") from error
        try:  # some models know no system role: their instructions open the first question
            return self._render(_without_system(turns))
        except TemplateError as error:
            raise RuntimeFailure(f"The model's chat template refused the conversation: {error}") from error

    def _render(self, turns: Sequence[Turn]) -> str:
        messages = [{"role": turn.role, "content": self._defuse(turn.text)} for turn in turns]
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, **self._tokens)
        except (TypeError, ValueError, AttributeError, ArithmeticError, LookupError, RecursionError) as error:
            raise TemplateError(str(error)) from error

    def _defuse(self, text: str) -> str:
        """Return the text with its control tokens broken, so that no document can speak as the system."""
        if self._special is None:
            return text
        return self._special.sub(lambda found: found[0][0] + _BREAK + found[0][1:], text)


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    system, *rest = turns
    if not rest or rest[0].role != "user":
        return [Turn("user", system.text), *rest]
    return [Turn("user", f"{system.text}\n\n{rest[0].text}"), *rest[1:]]


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)
