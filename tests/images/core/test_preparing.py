"""A worker of the image queue imports what draws before the first picture is asked for."""

from types import SimpleNamespace
from typing import Any

import pytest

from apps.catalog.models import AIModel
from apps.images import tasks
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the models whose libraries were imported; threads run at once."""
    names: list[str] = []
    monkeypatch.setattr(tasks.connection, "close", lambda: None)  # the test's own
    monkeypatch.setattr(registry, "prepare_image_model", lambda spec: names.append(spec.name))
    monkeypatch.setattr(
        tasks.threading, "Thread", lambda target, **_options: SimpleNamespace(start=target), raising=True
    )
    return names


def worker(*queues: str) -> Any:
    """Return what celery's signal names: a worker of these queues."""
    taken = dict.fromkeys(queues)
    return SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=taken))))


def test_a_worker_that_draws_imports_the_libraries(prepared: list[str], image_model: AIModel) -> None:
    tasks.prepare(worker("answer", "image"))

    assert prepared == [image_model.name]


def test_other_workers_do_not(prepared: list[str], image_model: AIModel) -> None:
    tasks.prepare(worker("ingest", "maintenance"))
    tasks.prepare(None)

    assert prepared == []


@pytest.mark.django_db
def test_nothing_is_lost_where_it_fails(monkeypatch: pytest.MonkeyPatch, image_model: AIModel) -> None:
    def fail(_spec: object) -> None:
        raise RuntimeFailure("no such runtime")

    monkeypatch.setattr(tasks.connection, "close", lambda: None)  # the test's own
    monkeypatch.setattr(registry, "prepare_image_model", fail)
    tasks._prepare()
    AIModel.objects.all().delete()
    tasks._prepare()
