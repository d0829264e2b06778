"""Which engine embeds: measured once for a CPU, exact enough, and kept."""

from pathlib import Path

import pytest

from apps.runtimes import engine_choice
from apps.runtimes.engine_choice import Figure, choose, chosen
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes import tiny_bert

FAST = [
    Figure("openvino", "f32", 1.0, 1.0),
    Figure("openvino", "bf16", 0.4, 0.99999),
    Figure("torch", "f32", 2.0, 1.0),
    Figure("torch", "bf16", 1.1, 0.99995),
]


def test_it_takes_the_fastest() -> None:
    assert choose(FAST, "auto") == FAST[1]


def test_it_never_takes_one_whose_vectors_differ() -> None:
    assert choose([FAST[0], Figure("openvino", "bf16", 0.1, 0.9989), FAST[2]], "auto") == FAST[0]


def test_it_takes_the_plainer_of_two_that_are_near() -> None:
    assert (
        choose([Figure("openvino", "bf16", 0.95, 1.0), Figure("openvino", "f32", 1.0, 1.0)], "auto").precision == "f32"
    )  # type: ignore[union-attr] -- there is one


def test_it_keeps_to_the_engine_that_the_operator_names() -> None:
    assert choose(FAST, "torch") == FAST[3]
    assert choose(FAST[2:], "openvino") is None


def test_it_measures_once_and_again_for_other_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = tiny_bert.write(tmp_path / "tiny")
    asked: list[RuntimeSpec] = []
    monkeypatch.setattr(engine_choice, "_measure_apart", lambda spec: asked.append(spec) or FAST)

    assert [chosen(spec) for _ in range(3)] == [FAST[1]] * 3
    assert len(asked) == 1
    (spec.path / "manifest.json").write_text("{}")
    chosen(spec)
    assert len(asked) == 2


def test_it_measures_anew_where_the_note_is_damaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = tiny_bert.write(tmp_path / "tiny")
    monkeypatch.setattr(engine_choice, "_measure_apart", lambda _spec: FAST)
    chosen(spec)
    (note,) = (tmp_path / ".engines").iterdir()
    note.write_text('[{"library": "os"}]')

    assert chosen(spec) == FAST[1]


def test_it_falls_back_where_nothing_can_be_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = tiny_bert.write(tmp_path / "tiny")
    monkeypatch.setattr(engine_choice, "_measure_apart", lambda _spec: None)

    assert chosen(spec) is None
    assert not (tmp_path / ".engines").exists()
