"""Prompts as the denoiser reads them: chunks of tokens through the text encoders, weighted as AUTOMATIC1111 weights.

The rule is its "Original" (modules/sd_emphasis.py): the last hidden states times the weights of their tokens, rescaled
to the old mean. A short prompt without weights gives the very numbers of diffusers' `encode_prompt`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from apps.runtimes.diffusion.chunks import CHUNK_TOKENS, Atom, Chunk, WeightedTokens, cut_chunks
from apps.runtimes.diffusion.words import Words, words_put_in
from apps.runtimes.drawing import Weighted

_XL_PARTS = ("tokenizer_2", "text_encoder_2")


@dataclass(frozen=True, slots=True)
class Embedding:
    """A prompt: states (1, 77 × chunks, width), and for SDXL the pooled state (1, width) of the first chunk."""

    states: Tensor
    pooled: Tensor | None = None


class PromptReader:
    """Reads prompts by the text encoders of a pipeline: one, or two for SDXL."""

    def __init__(self, pipeline: Any) -> None:
        parts: dict[str, Any] = pipeline.components
        pairs = [(parts.get("tokenizer"), parts["text_encoder"])]
        if all(parts.get(name) is not None for name in _XL_PARTS):
            pairs.append((parts["tokenizer_2"], parts["text_encoder_2"]))
        self.is_xl = "text_encoder_2" in parts
        self._encoders = [_Encoder(*pair, is_xl=self.is_xl) for pair in pairs if pair[0] is not None]

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`, without the special ones."""
        return len(self._encoders[0].ids(text, {}))

    def read(self, spans: Sequence[Weighted], clip_skip: int, words: Sequence[Words]) -> Embedding:
        """Return the embedding of a prompt; `words` are the learnt words for each encoder."""
        read = [
            encoder.read(spans, clip_skip, learnt)
            for encoder, learnt in zip(self._encoders, words or [{}] * len(self._encoders), strict=True)
        ]
        return Embedding(torch.cat([each.states for each in read], dim=-1), read[-1].pooled)

    @property
    def widths(self) -> list[int]:
        """Return how wide the states of each encoder are."""
        return [encoder.width for encoder in self._encoders]


def alike_long(embeddings: Sequence[Embedding], empty: Callable[[], Embedding]) -> list[Embedding]:
    """Return the embeddings, the shorter ones lengthened by the chunk of an empty prompt, which `empty` reads."""
    lengths = {each.states.shape[1] for each in embeddings}
    if len(lengths) == 1:
        return list(embeddings)
    filling = empty()
    return [_lengthened(each, max(lengths), filling) for each in embeddings]


def emphasised(states: Tensor, weights: Tensor) -> Tensor:
    """Return the states (1, n, width) times the weights (n,), rescaled to their old mean."""
    weighted = states * weights[None, :, None]
    mean = weighted.mean()
    return weighted * (states.mean() / mean) if mean != 0 else weighted


def _lengthened(embedding: Embedding, length: int, empty: Embedding) -> Embedding:
    missing = (length - embedding.states.shape[1]) // empty.states.shape[1]
    if not missing:
        return embedding
    return Embedding(torch.cat([embedding.states, *[empty.states] * missing], dim=1), embedding.pooled)


class _Encoder:
    """One text encoder with its tokenizer."""

    def __init__(self, tokenizer: Any, model: Any, *, is_xl: bool) -> None:
        self._tokenizer = tokenizer
        self._model = model
        self._is_xl = is_xl
        comma = tokenizer.get_vocab().get(",</w>")
        self._comma = -1 if comma is None else int(comma)
        self.width = int(model.config.hidden_size)

    def ids(self, text: str, words: Mapping[str, tuple[int, ...]]) -> list[Atom]:
        """Return the token ids of a text; `words` are put in as the ids that they stand for, each in one piece."""
        if not words:
            return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        pieces = re.split(f"({pattern})", text)
        return [
            atom
            for piece in pieces
            for atom in ([words[piece]] if piece in words else self.ids(piece, {}) if piece else [])
        ]

    def read(self, spans: Sequence[Weighted], clip_skip: int, learnt: Words) -> Embedding:
        numbers = {word: tuple(range(start, start - len(vectors), -1)) for word, start, vectors in _numbered(learnt)}
        vectors = [row for _word, _start, rows in _numbered(learnt) for row in rows]
        pieces = [WeightedTokens(self.ids(span.text, numbers), span.weight, span.is_break) for span in spans]
        with words_put_in(self._model, vectors):
            chunks = [self._chunk(chunk, clip_skip) for chunk in cut_chunks(pieces, comma_id=self._comma)]
        return Embedding(torch.cat([each.states for each in chunks], dim=1), chunks[0].pooled)

    def _chunk(self, chunk: Chunk, clip_skip: int) -> Embedding:
        tokenizer = self._tokenizer
        padding = [tokenizer.pad_token_id] * (CHUNK_TOKENS - len(chunk.ids))
        row = [tokenizer.bos_token_id, *chunk.ids, tokenizer.eos_token_id, *padding]
        output = self._model(
            torch.tensor([row], device=self._model.device),
            attention_mask=None,
            output_hidden_states=self._is_xl or clip_skip > 1,
        )
        states = self._layer(output, clip_skip)
        pooled = output[0] if self._is_xl and output[0].ndim == 2 else None  # noqa: PLR2004 - a row, not states
        if set(chunk.weights) - {1.0}:
            weights = torch.ones(len(row), device=states.device, dtype=states.dtype)
            weights[1 : len(row) - len(padding) - 1] = torch.tensor(chunk.weights)
            states = emphasised(states, weights)
        return Embedding(states, pooled)

    def _layer(self, output: Any, clip_skip: int) -> Tensor:
        """Return the states of the layer that is `clip_skip` from the end; SDXL counts from the last but one."""
        if self._is_xl:
            states: Tensor = output.hidden_states[-1 - clip_skip]
        elif clip_skip <= 1:
            states = output[0]
        else:
            norm = getattr(self._model, "text_model", self._model).final_layer_norm
            states = norm(output.hidden_states[-clip_skip])
        return states


def _numbered(learnt: Words) -> list[tuple[str, int, Tensor]]:
    """Return each learnt word with the id of its first vector, counting down from -1, and its vectors."""
    numbered, start = [], -1
    for word, vectors in learnt.items():
        numbered.append((word, start, vectors))
        start -= len(vectors)
    return numbered
