"""Rerank models: a tiny one that the test builds, through the real adapter."""

from pathlib import Path

import pytest

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.registry import reranker
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.tiny_cross_encoder import build


@pytest.mark.models
def test_it_scores_pairs_by_a_cross_encoder(tmp_path: Path) -> None:
    spec = RuntimeSpec("tiny", "sentence_transformers", build(tmp_path / "tiny"), max_tokens=32)

    model = reranker(spec)
    scores = model.score("when does water boil", ["water boil at 100", "leave year", "water " * 500])

    assert scores.shape == (3,)
    assert scores.dtype.name == "float32"
    assert all(0 <= score <= 1 for score in scores)
    assert model.score("when does water boil", ["leave year"])[0] == pytest.approx(scores[1], abs=1e-5)
    assert model.score("when", []).shape == (0,)
    assert reranker(spec) is model


@pytest.mark.models
def test_it_refuses_a_model_that_sorts_into_classes(tmp_path: Path) -> None:
    spec = RuntimeSpec("classes", "sentence_transformers", build(tmp_path / "classes", labels=3), max_tokens=32)

    with pytest.raises(RuntimeFailure, match="3 scores"):
        reranker(spec)


@pytest.mark.models
def test_it_says_so_when_the_folder_is_damaged(tmp_path: Path) -> None:
    folder = build(tmp_path / "damaged")
    (folder / "config.json").write_text("{}")

    with pytest.raises(RuntimeFailure):
        reranker(RuntimeSpec("damaged", "sentence_transformers", folder, max_tokens=32))
