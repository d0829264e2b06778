"""The batches in which an embedding model reads, and who may go between them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from apps.runtimes.contracts import Floats, RuntimeFailure
from apps.runtimes.embedding import BATCH_TOKENS, LENGTH_STEP, BatchingEmbedder, Encoded, batches
from apps.runtimes.gate import Interactive
from apps.runtimes.spec import RuntimeSpec

SPEC = RuntimeSpec("toy", "fake", Path("toy"))


class Spy:
    """An engine that tells a text by its length and remembers what it was given."""

    dimensions = 4
    max_tokens = 512

    def __init__(self, error: Exception | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.error = error

    def encode(self, texts: Sequence[str], purpose: str) -> list[Encoded]:
        assert purpose in ("passage", "query")
        return [Encoded(text, (), min(len(text), self.max_tokens)) for text in texts]

    def forward(self, batch: Sequence[Encoded], padded: int) -> Floats:
        if self.error is not None:
            raise self.error
        self.seen.append((len(batch), padded))
        assert all(one.length <= padded for one in batch)
        return np.array([[one.length, 0, 0, 0] for one in batch], np.float32)


def test_it_puts_texts_of_like_length_together_and_returns_them_in_order() -> None:
    engine = Spy()
    lengths = [500, 3, 40, 500, 3, 260, 41]

    rows = BatchingEmbedder(SPEC, engine, Interactive()).embed_passages(["x" * length for length in lengths])

    assert rows[:, 0].tolist() == lengths
    assert engine.seen == [(4, 512), (3, 64)]  # 500 500 260 41 | 40 3 3


def test_it_meets_few_shapes_so_that_memory_stays_where_it_is() -> None:
    rng = np.random.default_rng(3)
    shapes = set()

    for _ in range(300):
        lengths = rng.integers(1, 513, rng.integers(1, 60)).tolist()
        for batch, padded in batches(lengths, 512):
            assert padded % LENGTH_STEP == 0
            assert len(batch) * padded <= BATCH_TOKENS
            assert max(lengths[index] for index in batch) <= padded
            shapes.add((len(batch), padded))

    assert len(shapes) <= 220


def test_it_takes_a_text_longer_than_a_batch_alone() -> None:
    assert list(batches([8_000, 8_000, 5], 8_192)) == [([0], 8_000), ([1], 8_000), ([2], 32)]


def test_it_embeds_nothing() -> None:
    embedder = BatchingEmbedder(SPEC, Spy(), Interactive())

    assert embedder.embed_passages([]).shape == embedder.embed_queries([]).shape == (0, 4)


def test_it_gives_a_broken_library_one_name() -> None:
    embedder = BatchingEmbedder(SPEC, Spy(MemoryError()), Interactive())

    with pytest.raises(RuntimeFailure, match="MemoryError"):
        embedder.embed_queries(["x"])
