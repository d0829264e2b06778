"""Embedding models by OpenVINO on the CPU, without PyTorch in memory and without a word to anybody."""

import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast

import numpy as np

from apps.runtimes.contracts import Floats
from apps.runtimes.embedding import Encoded
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.tokenizers import EmbeddingTokenizer, load_tokenizer
from apps.runtimes.weights import Rows, Weights

# OpenVINO's converter reports its use by `openvino_telemetry`. It is not needed to run a graph, so neither is loaded:
# a module that is None cannot be imported in this process, and `openvino` goes on without it.
_UNWANTED = ("openvino_telemetry", "openvino.tools.ovc")


class OpenVinoEngine:
    """One compiled encoder with one request: the caller lets one thread in at a time."""

    def __init__(self, compiled: Any, words: Rows, tokenizer: EmbeddingTokenizer, recipe: Any, max_tokens: int) -> None:
        self.dimensions = words.width
        self.max_tokens = max_tokens
        self._request = compiled.create_infer_request()
        self._words = words
        self._tokenizer = tokenizer
        self._recipe = recipe

    def encode(self, texts: Sequence[str], purpose: str) -> list[Encoded]:
        """Return the tokens of the texts behind the model's prefix for `purpose`, cut to `max_tokens`."""
        prefix = self._recipe.prompts.get(purpose) or ""
        found = self._tokenizer.ids([prefix + text for text in texts], self.max_tokens)
        return [Encoded("", ids, len(ids)) for ids in found]

    def forward(self, batch: Sequence[Encoded], padded: int) -> Floats:
        """Return shape (len(batch), dimensions), float32, rows of L2 norm 1."""
        ids = np.full((len(batch), padded), self._recipe.pad_id, np.int64)
        for row, one in zip(ids, batch, strict=True):
            row[: one.length] = one.ids
        lengths = np.array([one.length for one in batch], np.int64)
        result = self._request.infer([self._words.take(ids), lengths], share_inputs=True)
        return np.array(result[0], np.float32)  # a copy: the request writes its next answer to the same place

    def close(self) -> None:
        """Let the weights' file go."""
        self._words.close()


def open_engine(spec: RuntimeSpec, precision: str) -> OpenVinoEngine:
    """Return the model of `spec` compiled for "f32" or "bf16". Raises RuntimeFailure for an unknown architecture."""
    library = import_library()
    from apps.runtimes import openvino_graph  # noqa: PLC0415 -- imports the library, so only after the line above

    recipe = openvino_graph.read_recipe(spec.path)
    weights = Weights(spec.path / "model.safetensors")
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": spec.threads or len(os.sched_getaffinity(0)),
        "NUM_STREAMS": "1",
        "ENABLE_CPU_PINNING": False,  # other processes want the cores too
    }
    compiled = library.Core().compile_model(openvino_graph.build(recipe, weights), "CPU", settings)
    words = Rows(weights, openvino_graph.word_table(weights))
    max_tokens = min(spec.max_tokens, recipe.max_tokens)
    return OpenVinoEngine(compiled, words, load_tokenizer(spec), recipe, max_tokens)


def import_library() -> Any:
    """Return the module `openvino`, imported without its converter and its telemetry."""
    for name in _UNWANTED:
        sys.modules.setdefault(name, cast("ModuleType", None))
    import openvino  # noqa: PLC0415 -- the lines above come first

    return openvino
