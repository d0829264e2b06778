"""Models are loaded once, by a runtime that the code names."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.runtimes import fake, registry
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.shelf import NoRoom
from apps.runtimes.spec import RuntimeSpec
from tests import settings_override

SPEC = RuntimeSpec("toy", "fake", Path("toy"), dimensions=64)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Leave no model behind."""
    registry.close_all()
    yield
    registry.close_all()


def test_it_loads_a_model_once_for_all_threads() -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(registry.embedder(SPEC))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(model) for model in found}) == 1


def test_it_loads_two_models_apart() -> None:
    other = RuntimeSpec("other", "fake", Path("other"), dimensions=32)

    assert (registry.embedder(SPEC).dimensions, registry.embedder(other).dimensions) == (64, 32)


def test_it_tries_again_after_a_failed_load(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [RuntimeFailure("not yet")]
    load = fake.load_chat

    def flaky(spec: RuntimeSpec) -> fake.FakeChat:
        if failures:
            raise failures.pop()
        return load(spec)

    monkeypatch.setattr(fake, "load_chat", flaky)

    with pytest.raises(RuntimeFailure, match="not yet"):
        registry.chat_model(SPEC)
    assert registry.chat_model(SPEC).name == "toy"


@pytest.mark.parametrize("runtime", ["os.system", "../x", "", "apps.runtimes.fake.load_chat"])
def test_it_refuses_a_runtime_that_the_code_does_not_name(runtime: str) -> None:
    spec = RuntimeSpec("toy", runtime, Path("toy"))

    with settings_override.env(chat_runtime="", embed_runtime=""):
        for load in (registry.chat_model, registry.embedder, registry.tokenizer):
            with pytest.raises(RuntimeFailure, match="runtime"):
                load(spec)


def test_it_takes_the_tokenizer_from_the_same_module_as_the_embedder() -> None:
    assert isinstance(registry.tokenizer(SPEC), fake.FakeTokenizer)


def test_it_loads_a_tokenizer_where_its_model_would_not_fit() -> None:
    """A worker that only cuts documents never holds the model itself."""
    spec = dataclasses.replace(SPEC, keep_alive_s=60, memory_bytes=2**60)

    with pytest.raises(NoRoom):
        registry.embedder(spec)
    assert isinstance(registry.tokenizer(spec), fake.FakeTokenizer)
