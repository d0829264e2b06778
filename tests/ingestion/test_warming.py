"""What the io processes share is loaded before they are forked, and only there."""

import pytest

from apps.ingestion import warming
from apps.runtimes.contracts import RuntimeFailure
from tests import settings_override


@pytest.mark.django_db
@pytest.mark.parametrize(("process", "expected"), [("io", 1), ("models", 0), ("web", 0), ("", 0)])
def test_it_loads_the_tokenizer_in_the_parent_of_io_alone(
    monkeypatch: pytest.MonkeyPatch, process: str, expected: int
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(warming, "default_model", lambda kind: kind)
    monkeypatch.setattr(warming, "spec_of", lambda model: model)
    monkeypatch.setattr(warming.registry, "tokenizer", asked.append)
    monkeypatch.setattr(warming.lexical, "segment", lambda _text: [])
    monkeypatch.setattr(warming.connections, "close_all", lambda: None)
    monkeypatch.setattr(warming.gc, "freeze", lambda: None)

    with settings_override.env(process=process):
        warming.warm_up()

    assert len(asked) == expected


def test_it_starts_without_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_kind: str) -> None:
        raise RuntimeFailure("not installed")

    closed: list[bool] = []
    monkeypatch.setattr(warming, "default_model", fail)
    monkeypatch.setattr(warming.lexical, "segment", lambda _text: [])
    monkeypatch.setattr(warming.connections, "close_all", lambda: closed.append(True))
    monkeypatch.setattr(warming.gc, "freeze", lambda: None)

    with settings_override.env(process="io"):
        warming.warm_up()

    assert closed == [True]
