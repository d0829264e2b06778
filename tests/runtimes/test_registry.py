"""Models are loaded once, by a runtime that the code names."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from apps.runtimes import fake, registry
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.shelf import NoRoom, Shelf
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


GIB = 1024**3
LOADERS = {"chat": registry.chat_model, "embedding": registry.embedder, "image": registry.image_model}
LOADERS |= {"upscaler": registry.upscaler, "trainer": registry.image_trainer}


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Return a function that loads a model of 3 of 5 GiB, a minute after whatever was before."""
    now = [1_000.0]
    here = Shelf(free=lambda: 5 * GIB - sum(each.memory_bytes for each in here.listed()))
    monkeypatch.setattr(registry, "_shelf", here)
    monkeypatch.setattr("apps.runtimes.shelf.time.monotonic", lambda: now[0])

    def load(kind: str) -> object:
        now[0] += 60
        spec = RuntimeSpec(kind, "fake", Path(kind), dimensions=64, keep_alive_s=600, memory_bytes=3 * GIB)
        with settings_override.env(chat_runtime="", embed_runtime=""):
            return LOADERS[kind](spec)

    return load


@pytest.mark.parametrize(("first", "second"), permutations(LOADERS, 2))
def test_models_of_all_kinds_share_one_memory_budget(budget: Callable[..., Any], first: str, second: str) -> None:
    budget(first)
    budget(second)  # whatever lies idle goes
    assert [each.name for each in registry.loaded()] == [second]

    budget(first).is_busy = True
    with pytest.raises(NoRoom):  # what works stays
        budget(second)
    assert [each.name for each in registry.loaded()] == [first]


def test_it_imports_what_draws_without_loading_a_model() -> None:
    registry.prepare_image_model(SPEC)

    assert registry.loaded() == []
    with pytest.raises(RuntimeFailure, match="runtime"):
        registry.prepare_image_model(dataclasses.replace(SPEC, runtime="os.system"))
