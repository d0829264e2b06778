"""Tensors by name, and rows of a table that is never loaded whole."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.weights import Rows, Weights, as_floats

TABLE = np.arange(400, dtype=np.float32).reshape(100, 4) / 7


@pytest.fixture(params=[np.float32, np.float16])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> Weights:
    path = tmp_path / "model.safetensors"
    save_file({"other": np.ones(3, np.float32), "table": TABLE.astype(request.param)}, path)
    return Weights(path)


def test_it_reads_a_tensor(weights: Weights) -> None:
    assert np.allclose(weights.tensor("table"), TABLE, rtol=1e-3)
    assert "table" in weights
    with pytest.raises(RuntimeFailure, match="missing"):
        weights.tensor("missing")


def test_it_reads_the_rows_that_are_asked_for_and_forgets_the_oldest(weights: Weights) -> None:
    rows = Rows(weights, "table", kept=8)
    rng = np.random.default_rng(1)

    for _ in range(50):
        ids = rng.integers(0, 100, (2, 3))
        assert np.allclose(rows.take(ids), TABLE[ids], rtol=1e-3)
    with pytest.raises(IndexError):
        rows.take(np.array([[100]]))
    rows.close()


def test_it_widens_bfloat16() -> None:
    upper = (np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16).astype(np.uint16)

    assert as_floats(upper, "BF16").tolist() == [1.5, -2.0]


def test_it_refuses_a_file_that_is_no_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"\xff" * 64)

    with pytest.raises(RuntimeFailure, match="safetensors"):
        Weights(path)
