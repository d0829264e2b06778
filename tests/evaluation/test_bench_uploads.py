"""The figures of the upload and quality benchmarks; the installation itself is started by the command alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from apps.evaluation.bench import quality, uploads
from apps.evaluation.sets import EvaluationSet, Question, Source


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [{"id": str(number), "title": f'a/"{number}', "text": f"text {number}"} for number in range(3)]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "queries.jsonl").write_text("")
    return tmp_path


def test_it_makes_as_many_different_files_as_it_needs(data: Path) -> None:
    files = uploads._sources(data, 7)

    assert len(files) == len({body for _name, body in files}) == len({name for name, _body in files}) == 7
    assert not any('"' in name or "/" in name for name, _body in files)


def test_it_uses_the_product_s_own_pages_without_a_set() -> None:
    assert len({body for _name, body in uploads._sources(None, 300)}) == 300


def test_it_finds_a_slope() -> None:
    assert uploads._slope([5.0, 7.0, 9.0]) == pytest.approx(2.0)


def test_it_splits_the_time_of_an_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_model_seconds", lambda _texts: 0.8)

    found = uploads._split([{"total": 1.0, "upload": 0.05, "read": 0.1, "embed": 0.82}] * 3, ["text"])

    assert found["latency_model_share"] == 0.8
    assert found["latency_stages_s"]["between stages"] == 0.03


def test_it_scores_a_ranking_by_its_discounted_gain() -> None:
    sources = tuple(Source(name, "", name) for name in "abc")
    found = EvaluationSet(sources, (Question("1", "?", ("b",), ()), Question("2", "?", (), ())))

    assert quality._ndcg(found, np.eye(3, dtype=np.float32), np.array([[0, 1, 0], [1, 0, 0]], np.float32)) == 1.0
    second = quality._ndcg(found, np.eye(3, dtype=np.float32), np.array([[2, 1, 0], [1, 0, 0]], np.float32))
    assert second == pytest.approx(1 / np.log2(3))
