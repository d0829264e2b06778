"""The embedding models behind one contract: which engine runs them, in what batches, and who goes first."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from apps.runtimes.contracts import Floats, RuntimeFailure
from apps.runtimes.files import check_folder
from apps.runtimes.gate import Interactive, Turnstile, interactive
from apps.runtimes.spec import RuntimeSpec

logger = logging.getLogger(__name__)

# Tokens per forward pass, padding included. Measured on 2 cores (docs/adr/0016): small batches stay in the cache and
# waste little padding, and a question waits for one of them only.
BATCH_TOKENS = 2_048
# Lengths are rounded up to this many tokens: an engine keeps code and buffers for each shape that it has met, so the
# shapes have to be few (some 200 at most) for the memory of a worker to stay where it is.
LENGTH_STEP = 32


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text made ready for its engine; `length` counts its tokens, prefix and special ones included."""

    text: str
    ids: tuple[int, ...]
    length: int


class Engine(Protocol):
    """Runs one embedding model. `forward` is called by one thread at a time."""

    dimensions: int
    max_tokens: int

    def encode(self, texts: Sequence[str], purpose: str) -> list[Encoded]:
        """Return the texts behind the model's prefix for `purpose` ("passage" or "query"), cut to `max_tokens`."""
        ...

    def forward(self, batch: Sequence[Encoded], padded: int) -> Floats:
        """Return shape (len(batch), dimensions), rows of L2 norm 1; `padded` is the length to fill up to."""
        ...


class BatchingEmbedder:
    """One embedding model. Passages are cut into small batches of like length, and questions go in between."""

    def __init__(self, spec: RuntimeSpec, engine: Engine, crowd: Interactive) -> None:
        self.name = spec.name
        self.dimensions = engine.dimensions
        self.max_tokens = engine.max_tokens
        self._engine = engine
        self._crowd = crowd
        self._turns = Turnstile()

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1. Gives way to people who wait."""
        rows = np.empty((len(texts), self.dimensions), np.float32)
        encoded = self._engine.encode(texts, "passage")
        for batch, padded in batches([one.length for one in encoded], self.max_tokens):
            self._crowd.give_way()
            with self._turns.later():
                rows[batch] = self._forward([encoded[index] for index in batch], padded)
        return rows

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1. Goes before bulk work."""
        rows = np.empty((len(texts), self.dimensions), np.float32)
        with self._crowd.work():
            encoded = self._engine.encode(texts, "query")
            for batch, padded in batches([one.length for one in encoded], self.max_tokens):
                with self._turns.first():
                    rows[batch] = self._forward([encoded[index] for index in batch], padded)
        return rows

    def close(self) -> None:
        """Let go what the engine holds."""
        close = getattr(self._engine, "close", None)
        if close is not None:
            close()

    def _forward(self, batch: Sequence[Encoded], padded: int) -> Floats:
        try:
            return self._engine.forward(batch, padded)
        except Exception as error:  # whatever the libraries raise
            logger.exception("an embedding model failed", extra={"model": self.name})
            raise RuntimeFailure(f"The model {self.name} failed: {type(error).__name__}.") from error


def batches(lengths: Sequence[int], max_tokens: int) -> Iterator[tuple[list[int], int]]:
    """Yield the indices of texts that go together, the longest first, and the length that they are filled up to."""
    batch: list[int] = []
    padded = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batch and (len(batch) + 1) * padded > BATCH_TOKENS:
            yield batch, padded
            batch = []
        if not batch:
            padded = min(-(-lengths[index] // LENGTH_STEP) * LENGTH_STEP, max_tokens)
        batch.append(index)
    if batch:
        yield batch, padded


def load_embedder(spec: RuntimeSpec) -> BatchingEmbedder:
    """Return the model of `spec`, run by what measures best on this CPU. Raises RuntimeFailure."""
    check_folder(spec.path)
    embedder = BatchingEmbedder(spec, _engine(spec), interactive)
    if spec.dimensions and embedder.dimensions != spec.dimensions:
        raise RuntimeFailure(f"The model {spec.name} has {embedder.dimensions} dimensions, not {spec.dimensions}.")
    return embedder


def load_for_trial(spec: RuntimeSpec) -> BatchingEmbedder:
    """Return the model run by whatever runs it, without measuring what is fastest: for a first look at a new model."""
    check_folder(spec.path)
    if spec.engine != "torch":
        try:
            from apps.runtimes.openvino_engine import open_engine  # noqa: PLC0415 -- loads the library

            return BatchingEmbedder(spec, open_engine(spec, "f32"), interactive)
        except Exception as error:  # whatever the library raises: PyTorch runs the model then
            logger.info("OpenVINO does not run %s: %s", spec.name, error)
    from apps.runtimes.sentence_transformers import open_fastest  # noqa: PLC0415 -- loads torch: 350 MB of memory

    return BatchingEmbedder(spec, open_fastest(spec), interactive)


def _engine(spec: RuntimeSpec) -> Engine:
    """Load the engine that KB_EMBED_ENGINE names or that was measured to be best; PyTorch where that fails."""
    from apps.runtimes import engine_choice  # noqa: PLC0415 -- it measures what this module batches

    if spec.engine != "torch":
        choice = engine_choice.chosen(spec)
        if choice is not None and choice.library == "openvino":
            from apps.runtimes.openvino_engine import open_engine  # noqa: PLC0415 -- loads the library

            return open_engine(spec, choice.precision)
        if spec.engine == "openvino":
            raise RuntimeFailure(f"OpenVINO cannot run the model {spec.name} here; set KB_EMBED_ENGINE=auto.")
    from apps.runtimes.sentence_transformers import open_fastest  # noqa: PLC0415 -- loads torch: 350 MB of memory

    return open_fastest(spec)
