"""Embedding models by sentence-transformers on the CPU: the reference, and the engine where OpenVINO cannot serve."""

import logging
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from apps.runtimes.contracts import Floats, RuntimeFailure
from apps.runtimes.embedding import Encoded
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.tokenizers import EmbeddingTokenizer, load_tokenizer

logger = logging.getLogger(__name__)

_LEAST_COSINE = 0.999  # between a passage's vectors in bfloat16 and float32
_LEAST_GAIN = 1.1  # bfloat16 has to be that much faster to be used
_SAMPLE = (
    "Every employee has fifteen days of paid leave a year; unused days lapse at the end of March. " * 4,
    "员工每年享有十五天带薪年假，未使用的天数在次年三月底作废，特殊情况须经部门负责人批准。" * 4,
    "Error E-1042: the pump stops when the pressure falls below 2.5 bar.",
    "订单编号 A-2031 已于 2024 年 5 月 6 日发货。",
)


class TorchEngine:
    """One sentence-transformers model, with its own tokenizer and padding."""

    def __init__(self, spec: RuntimeSpec, model: Any, tokenizer: EmbeddingTokenizer) -> None:
        self.dimensions = int(model.get_embedding_dimension())
        self.max_tokens = min(spec.max_tokens, int(model.max_seq_length or spec.max_tokens))
        self._model = model
        self._tokenizer = tokenizer

    def encode(self, texts: Sequence[str], purpose: str) -> list[Encoded]:
        """Return the texts behind the model's prefix for `purpose`; the library makes the tokens itself."""
        prefix = self._model.prompts.get(purpose) or ""
        prefixed = [prefix + text for text in texts]
        lengths = self._tokenizer.count(prefixed)
        room = self._tokenizer.special_tokens
        return [
            Encoded(text, (), min(length + room, self.max_tokens))
            for text, length in zip(prefixed, lengths, strict=True)
        ]

    def forward(self, batch: Sequence[Encoded], padded: int) -> Floats:
        """Return the unit vectors of one batch, shape (len(batch), dimensions), float32; the library pads by itself."""
        return _encode(self._model, [one.text for one in batch])


def open_engine(spec: RuntimeSpec, precision: str) -> TorchEngine:
    """Return the model of `spec` in one number format ("f32" or "bf16")."""
    model = open_folder(spec)
    if precision == "bf16":
        model.to(torch.bfloat16)
    return TorchEngine(spec, model, load_tokenizer(spec))


def open_fastest(spec: RuntimeSpec) -> TorchEngine:
    """Return the model of `spec`, in the number format that is faster here. Raises RuntimeFailure."""
    try:
        return TorchEngine(spec, _load_fastest(spec), load_tokenizer(spec))
    except RuntimeFailure:
        raise
    except Exception as error:  # whatever the libraries raise
        logger.exception("an embedding model could not be loaded", extra={"model": spec.name})
        raise RuntimeFailure(f"The model {spec.name} could not be loaded: {type(error).__name__}.") from error


def encode(model: Any, texts: list[str], purpose: str) -> Floats:
    """Return the unit vectors of one batch by the plain library, float32."""
    return _encode(model, [(model.prompts.get(purpose) or "") + text for text in texts])


def open_folder(spec: RuntimeSpec) -> Any:
    """Return the SentenceTransformer of a model folder as it lies there, float32."""
    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    torch.set_num_threads(spec.threads or os.cpu_count() or 1)
    return SentenceTransformer(
        str(spec.path), device="cpu", local_files_only=True, model_kwargs={"add_pooling_layer": False}
    )


def _encode(model: Any, texts: list[str]) -> Floats:
    """Return the unit vectors of texts that have their prefix already."""
    found = model.encode(texts, batch_size=len(texts), prompt="", show_progress_bar=False, convert_to_numpy=True)
    rows = np.asarray(found, np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows


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
