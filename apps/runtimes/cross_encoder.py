"""Rerank models by sentence-transformers' CrossEncoder, from a local folder, on the CPU."""

import logging
import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from transformers.utils.logging import disable_progress_bar

from apps.runtimes.contracts import Floats, RuntimeFailure
from apps.runtimes.files import check_folder
from apps.runtimes.gate import Interactive, interactive
from apps.runtimes.spec import RuntimeSpec

logger = logging.getLogger(__name__)


class CrossEncoderReranker:
    """One model with one output a pair. One thread reads at a time; bulk work of the process waits meanwhile."""

    def __init__(self, spec: RuntimeSpec, model: Any, crowd: Interactive) -> None:
        self.name = spec.name
        self._model = model
        self._crowd = crowd
        self._turn = threading.Lock()

    def score(self, query: str, passages: Sequence[str]) -> Floats:
        """Return shape (len(passages),), float32, 0 to 1."""
        if not passages:
            return np.zeros(0, np.float32)
        pairs = [(query, passage) for passage in passages]
        try:
            with self._crowd.work(), self._turn:
                found = self._model.predict(
                    pairs, batch_size=len(pairs), show_progress_bar=False, activation_fn=torch.nn.Sigmoid()
                )
        except Exception as error:  # whatever the libraries raise
            logger.exception("a rerank model failed", extra={"model": self.name})
            raise RuntimeFailure(f"The model {self.name} failed: {type(error).__name__}.") from error
        scores = np.asarray(found, np.float32).reshape(-1)
        if scores.shape != (len(pairs),) or not np.isfinite(scores).all():
            raise RuntimeFailure(f"The model {self.name} gave no score for each pair.")
        return scores


def load_reranker(spec: RuntimeSpec) -> CrossEncoderReranker:
    """Return the model of a folder. Raises RuntimeFailure where it is broken or gives more than one score a pair."""
    check_folder(spec.path)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    torch.set_num_threads(spec.threads or os.cpu_count() or 1)
    try:
        model = CrossEncoder(str(spec.path), device="cpu", local_files_only=True, max_length=spec.max_tokens)
        outputs = int(model.config.num_labels)
    except Exception as error:  # whatever the libraries raise
        logger.exception("a rerank model could not be loaded", extra={"model": spec.name})
        raise RuntimeFailure(f"The model {spec.name} could not be loaded: {type(error).__name__}.") from error
    if outputs != 1:
        raise RuntimeFailure(f"The model {spec.name} gives {outputs} scores a pair; a rerank model gives one.")
    return CrossEncoderReranker(spec, model, interactive)
