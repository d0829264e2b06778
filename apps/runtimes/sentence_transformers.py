"""Embedding models by sentence-transformers, on the CPU."""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from apps.runtimes.contracts import Floats, RuntimeFailure
from apps.runtimes.files import check_folder
from apps.runtimes.gate import Interactive, Turnstile, interactive
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.tokenizers import EmbeddingTokenizer, load_tokenizer

logger = logging.getLogger(__name__)

# Tokens per forward pass, padding included. Measured on 2 cores (docs/adr/0002): small batches stay in the cache and
# waste little padding, and a question waits for one of them only.
_BATCH_TOKENS = 2_048
_PREFIX_TOKENS = 5  # "passage: " and the two special tokens
_LEAST_COSINE = 0.999  # between a passage's vectors in bfloat16 and float32
_LEAST_GAIN = 1.1  # bfloat16 has to be that much faster to be used
_SAMPLE = (
    "Every employee has fifteen days of paid leave a year; unused days lapse at the end of March. " * 4,
    "员工每年享有十五天带薪年假，未使用的天数在次年三月底作废，特殊情况须经部门负责人批准。" * 4,
    "Error E-1042: the pump stops when the pressure falls below 2.5 bar.",
    "订单编号 A-2031 已于 2024 年 5 月 6 日发货。",
)


class SentenceTransformerEmbedder:
    """One sentence-transformers model. Passages are cut into small batches, and questions go in between."""

    def __init__(self, spec: RuntimeSpec, model: Any, tokenizer: EmbeddingTokenizer, crowd: Interactive) -> None:
        self.name = spec.name
        self.dimensions = int(model.get_embedding_dimension())
        self.max_tokens = min(spec.max_tokens, int(model.max_seq_length or spec.max_tokens))
        self._model = model
        self._tokenizer = tokenizer
        self._crowd = crowd
        self._turns = Turnstile()

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1. Gives way to people who wait."""
        rows = np.empty((len(texts), self.dimensions), np.float32)
        for batch in self._batches(texts):
            self._crowd.give_way()
            with self._turns.later():
                rows[batch] = self._encode([texts[index] for index in batch], "passage")
        return rows

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1. Goes before bulk work."""
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        with self._crowd.work(), self._turns.first():
            return self._encode(list(texts), "query")

    def _batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Yield the indices of texts of like length, the longest first, that fit one forward pass together."""
        lengths = [min(count + _PREFIX_TOKENS, self.max_tokens) for count in self._tokenizer.count(texts)]
        batch: list[int] = []
        for index in sorted(range(len(texts)), key=lengths.__getitem__, reverse=True):
            if batch and (len(batch) + 1) * lengths[batch[0]] > _BATCH_TOKENS:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _encode(self, texts: list[str], purpose: str) -> Floats:
        try:
            return encode(self._model, texts, purpose)
        except Exception as error:  # whatever the libraries raise
            logger.exception("an embedding model failed", extra={"model": self.name})
            raise RuntimeFailure(f"The model {self.name} failed: {type(error).__name__}.") from error


def load_embedder(spec: RuntimeSpec) -> SentenceTransformerEmbedder:
    """Return the model of `spec`, in the number format that is faster here. Raises RuntimeFailure."""
    check_folder(spec.path)
    tokenizer = load_tokenizer(spec)
    try:
        model = _load_fastest(spec)
    except Exception as error:  # whatever the libraries raise
        logger.exception("an embedding model could not be loaded", extra={"model": spec.name})
        raise RuntimeFailure(f"The model {spec.name} could not be loaded: {type(error).__name__}.") from error
    embedder = SentenceTransformerEmbedder(spec, model, tokenizer, interactive)
    if spec.dimensions and embedder.dimensions != spec.dimensions:
        raise RuntimeFailure(f"The model {spec.name} has {embedder.dimensions} dimensions, not {spec.dimensions}.")
    return embedder


def encode(model: Any, texts: list[str], purpose: str) -> Floats:
    """Return the unit vectors of one batch, float32; `purpose` names the model's prompt where it has one."""
    prompt = purpose if purpose in model.prompts else None
    found = model.encode(
        texts, batch_size=len(texts), prompt_name=prompt, show_progress_bar=False, convert_to_numpy=True
    )
    rows = np.asarray(found, np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows


def open_folder(spec: RuntimeSpec) -> Any:
    """Return the SentenceTransformer of a model folder as it lies there, float32."""
    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    torch.set_num_threads(spec.threads or os.cpu_count() or 1)
    return SentenceTransformer(
        str(spec.path), device="cpu", local_files_only=True, model_kwargs={"add_pooling_layer": False}
    )


def _load_fastest(spec: RuntimeSpec) -> Any:
    """Return the model in bfloat16 where this CPU gains by it and the vectors stay the same, else in float32."""
    model = open_folder(spec)
    plain_s, plain = _timed(model)
    model.to(torch.bfloat16)
    short_s, short = _timed(model)
    cosine = float((plain * short).sum(axis=1).min())
    is_better = cosine >= _LEAST_COSINE and plain_s >= short_s * _LEAST_GAIN
    logger.info(
        "an embedding model was measured",
        extra={
            "model": spec.name,
            "float32_s": plain_s,
            "bfloat16_s": short_s,
            "cosine": cosine,
            "bfloat16": is_better,
        },
    )
    return model if is_better else open_folder(spec)


def _timed(model: Any) -> tuple[float, Floats]:
    """Return the seconds of the quicker of two passes over the sample, and its vectors."""
    seconds = []
    vectors = encode(model, list(_SAMPLE), "passage")
    for _ in range(2):
        started = time.perf_counter()
        vectors = encode(model, list(_SAMPLE), "passage")
        seconds.append(time.perf_counter() - started)
    return min(seconds), vectors
