"""Chat models in GGUF files, by llama.cpp inside this process."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from apps.runtimes.contracts import RuntimeFailure, Sampling, Turn
from apps.runtimes.files import check_folder
from apps.runtimes.gate import Interactive, interactive
from apps.runtimes.llama.constrained import sampler_of
from apps.runtimes.llama.engine import STEP_TOKENS, Engine, Request, Stream
from apps.runtimes.llama.native import Context, ContextSize, Model
from apps.runtimes.llama.template import ChatTemplate
from apps.runtimes.llama.text import TextAssembler
from apps.runtimes.shelf import tell_progress
from apps.runtimes.spec import RuntimeSpec

_TEMPLATE_KEY = "tokenizer.chat_template"
_EOS_KEY = "tokenizer.ggml.eos_token_id"
# After each step the decode thread asks for Python's lock; a thread that renders text keeps it for 5 ms by default,
# half the time of a token of a small model.
_SWITCH_S = 0.001


class LlamaChat:
    """One GGUF model that serves several people at once. Safe to call from several threads."""

    def __init__(self, spec: RuntimeSpec, model: Model, crowd: Interactive) -> None:
        self.name = spec.name
        self.is_instruct = spec.is_instruct
        self.context_tokens = min(spec.max_tokens, model.trained_context or spec.max_tokens)
        self._model = model
        self._crowd = crowd
        self._template = _template_of(spec, model) if spec.is_instruct else None
        size = ContextSize(spec.slots, self.context_tokens, STEP_TOKENS + spec.slots, spec.threads or _cores())
        self.engine = Engine(spec.name, model, lambda: Context(model, size), spec.slots)

    @property
    def is_busy(self) -> bool:
        """Return whether somebody is being answered."""
        return self.engine.is_busy

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`, without special ones."""
        return len(self._model.tokenize(text))

    def render(self, turns: Sequence[Turn]) -> str:
        """Return the prompt text by the model's own chat template. Raises RuntimeFailure for a base model."""
        if self._template is None:
            raise RuntimeFailure(f"The model {self.name} is a base model and has no chat template.")
        return self._template.render(turns)

    def stream(self, prompt: str, sampling: Sampling) -> Stream:
        """Return the pieces of the continuation. Raises RuntimeFailure where the prompt does not fit."""
        tokens = self._prompt_tokens(prompt)
        room = self.context_tokens - len(tokens)
        if room < 1:
            raise RuntimeFailure(
                f"The prompt has {len(tokens)} tokens and the context of the model {self.name} {self.context_tokens}."
            )
        request = Request(
            tokens,
            min(sampling.max_tokens, room),
            sampler_of(sampling, self._model),
            TextAssembler(sampling.stop),
        )
        waiting = ExitStack()
        waiting.enter_context(self._crowd.work())  # until the stream ends, bulk work gives way
        return Stream(self.engine, request, waiting.close)

    def close(self) -> None:
        """Stop the engine and free the model; streams that still run end with a RuntimeFailure."""
        self.engine.close()
        self._model.close()

    def _prompt_tokens(self, prompt: str) -> list[int]:
        """Return the prompt's tokens. A base model's prompt is plain text; control tokens in it mean nothing."""
        tokens = self._model.tokenize(prompt, add_bos=True, parse_special=self.is_instruct)
        doubled = [self._model.bos, self._model.bos]
        return tokens[1:] if self._model.adds_bos and tokens[:2] == doubled else tokens or [self._model.bos]


def load_chat(spec: RuntimeSpec) -> LlamaChat:
    """Return the model of `spec`. Raises RuntimeFailure where its file is missing, damaged or of a foreign kind."""
    check_folder(spec.path.parent)
    sys.setswitchinterval(_SWITCH_S)
    return LlamaChat(spec, Model(spec.path, partial(tell_progress, spec.name)), interactive)


def _template_of(spec: RuntimeSpec, model: Model) -> ChatTemplate:
    metadata = model.metadata()
    if _TEMPLATE_KEY not in metadata:
        raise RuntimeFailure(f"The model {spec.name} is said to be an instruct model but has no chat template.")
    eos = model.text_of(int(metadata.get(_EOS_KEY, "-1")))
    return ChatTemplate(metadata[_TEMPLATE_KEY], bos=model.text_of(model.bos), eos=eos, special=model.special_texts())


def _cores() -> int:
    return os.cpu_count() or 1
