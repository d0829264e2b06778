"""Loads each model once per process and hands it out."""

import threading
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings

from apps.runtimes.contracts import ChatModel, Embedder, Reranker, RuntimeFailure, Tokenizer
from apps.runtimes.spec import RuntimeSpec

__all__ = ["RuntimeSpec", "chat_model", "close_all", "embedder", "fresh_chat_model", "reranker", "tokenizer"]

# The runtimes a catalogue row may name: never a path from the outside (security case 80).
CHAT_RUNTIMES = {"llama_cpp": "apps.runtimes.llama_cpp.load_chat", "fake": "apps.runtimes.fake.load_chat"}
EMBED_RUNTIMES = {
    "sentence_transformers": "apps.runtimes.embedding.load_embedder",
    "fake": "apps.runtimes.fake.load_embedder",
}
RERANK_RUNTIMES = {
    "sentence_transformers": "apps.runtimes.cross_encoder.load_reranker",
    "fake": "apps.runtimes.fake.load_reranker",
}
TOKENIZERS = {
    "sentence_transformers": "apps.runtimes.tokenizers.load_tokenizer",
    "fake": "apps.runtimes.fake.load_tokenizer",
}


class ClosableChat(ChatModel, Protocol):
    """A chat model whose owner frees it."""

    def close(self) -> None:
        """Free the model; streams that still run end with a RuntimeFailure."""
        ...


class _Cache:
    """Loaded models by key. Two callers of one model wait for one load; other models load meanwhile."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[tuple[str, RuntimeSpec], threading.Lock] = {}
        self._models: dict[tuple[str, RuntimeSpec], Any] = {}

    def get(self, key: tuple[str, RuntimeSpec], load: Callable[[], Any]) -> Any:
        """Return the model of `key`, loading it where needed; a failed load is tried again by the next caller."""
        with self._guard:
            if key in self._models:
                return self._models[key]
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._models:
                self._models[key] = load()
            return self._models[key]

    def close(self) -> None:
        """Close and forget every model."""
        with self._guard:
            models = list(self._models.values())
            self._models.clear()
        for model in models:
            close = getattr(model, "close", None)
            if close is not None:
                close()


_cache = _Cache()


def chat_model(spec: RuntimeSpec) -> ChatModel:
    """Return the chat model of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = settings.ENV.chat_runtime or _named(CHAT_RUNTIMES, spec)
    return cast("ChatModel", _cache.get((path, spec), partial(_load, path, spec)))


def fresh_chat_model(spec: RuntimeSpec) -> ClosableChat:
    """Return a chat model that nobody else uses; the caller closes it. For benchmarks. Raises RuntimeFailure."""
    return cast("ClosableChat", _load(_named(CHAT_RUNTIMES, spec), spec))


def embedder(spec: RuntimeSpec) -> Embedder:
    """Return the embedding model of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = settings.ENV.embed_runtime or _named(EMBED_RUNTIMES, spec)
    return cast("Embedder", _cache.get((path, spec), partial(_load, path, spec)))


def reranker(spec: RuntimeSpec) -> Reranker:
    """Return the rerank model of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = _named(RERANK_RUNTIMES, spec)
    return cast("Reranker", _cache.get((path, spec), partial(_load, path, spec)))


def tokenizer(spec: RuntimeSpec) -> Tokenizer:
    """Return the tokenizer of the embedding model of `spec`, without loading the model. Raises RuntimeFailure.

    Where KB_EMBED_RUNTIME names another factory, `load_tokenizer` of its module is used.
    """
    other: str = settings.ENV.embed_runtime
    path = f"{other.rpartition('.')[0]}.load_tokenizer" if other else _named(TOKENIZERS, spec)
    return cast("Tokenizer", _cache.get((path, spec), partial(_load, path, spec)))


def close_all() -> None:
    """Free every loaded model, as a worker does when it stops."""
    _cache.close()


def _named(runtimes: dict[str, str], spec: RuntimeSpec) -> str:
    if spec.runtime not in runtimes:
        raise RuntimeFailure(f"The model {spec.name} names the runtime {spec.runtime!r}, which cannot run it.")
    return runtimes[spec.runtime]


def _load(path: str, spec: RuntimeSpec) -> Any:
    module, _, factory = path.rpartition(".")
    return getattr(import_module(module), factory)(spec)
