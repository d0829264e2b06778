"""Loads each model once per process, hands it out, and lets go what nobody uses or what there is no room for."""

from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings

from apps.runtimes.checking import PictureChecker
from apps.runtimes.contracts import ChatModel, Embedder, Reranker, RuntimeFailure, Tokenizer
from apps.runtimes.drawing import ImageModel, Upscaler
from apps.runtimes.shelf import Loaded, Shelf
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.training import Trainer

__all__ = [
    "Loaded",
    "RuntimeSpec",
    "chat_model",
    "close_all",
    "embedder",
    "evict_idle",
    "fresh_chat_model",
    "image_model",
    "image_trainer",
    "loaded",
    "picture_checker",
    "prepare_image_model",
    "reranker",
    "tokenizer",
    "trial_embedder",
    "unload",
    "upscaler",
]

# The runtimes a catalogue row may name: never a path from the outside (security case 80).
CHAT_RUNTIMES = {
    "llama_cpp": "apps.runtimes.llama_cpp.load_chat",
    "openai_http": "apps.runtimes.openai_http.load_chat",
    "fake": "apps.runtimes.fake.load_chat",
}
EMBED_RUNTIMES = {
    "openai_http": "apps.runtimes.openai_http.load_embedder",
    "sentence_transformers": "apps.runtimes.embedding.load_embedder",
    "fake": "apps.runtimes.fake.load_embedder",
}
RERANK_RUNTIMES = {
    "openai_http": "apps.runtimes.openai_http.load_reranker",
    "sentence_transformers": "apps.runtimes.cross_encoder.load_reranker",
    "fake": "apps.runtimes.fake.load_reranker",
}
IMAGE_RUNTIMES = {
    "diffusers": "apps.runtimes.diffusion.engine.load_image_model",
    "fake": "apps.runtimes.fake_images.load_image_model",
}
UPSCALERS = {
    "spandrel": "apps.runtimes.diffusion.upscaling.load_upscaler",
    "fake": "apps.runtimes.fake_images.load_upscaler",
}
TRAINERS = {
    "diffusers": "apps.runtimes.diffusion.training.trainer.load_trainer",
    "fake": "apps.runtimes.fake_training.load_trainer",
}
CHECKERS = {  # what KB_IMAGE_CHECKER may name
    "stable-diffusion": "apps.runtimes.diffusion.checker.load_checker",
    "fake": "apps.runtimes.fake_checker.load_checker",
}
CHECKERS_WITH_FILES = frozenset({"stable-diffusion"})
TOKENIZERS = {
    "openai_http": "apps.runtimes.openai_http.load_tokenizer",
    "sentence_transformers": "apps.runtimes.tokenizers.load_tokenizer",
    "fake": "apps.runtimes.fake.load_tokenizer",
}


class ClosableChat(ChatModel, Protocol):
    """A chat model whose owner frees it."""

    def close(self) -> None:
        """Free the model; streams that still run end with a RuntimeFailure."""
        ...


_shelf = Shelf()
# Wanted as long as documents are cut, and small: the memory that a spec names is its model's.
_tokenizers = Shelf(free=lambda: None, what="tokenizer")


def chat_model(spec: RuntimeSpec) -> ChatModel:
    """Return the chat model of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = settings.ENV.chat_runtime or _named(CHAT_RUNTIMES, spec)
    return cast("ChatModel", _shelf.get((path, spec), partial(_load, path, spec)))


def fresh_chat_model(spec: RuntimeSpec) -> ClosableChat:
    """Return a chat model that nobody else uses; the caller closes it. For benchmarks. Raises RuntimeFailure."""
    return cast("ClosableChat", _load(_named(CHAT_RUNTIMES, spec), spec))


def embedder(spec: RuntimeSpec) -> Embedder:
    """Return the embedding model of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = settings.ENV.embed_runtime or _named(EMBED_RUNTIMES, spec)
    return cast("Embedder", _shelf.get((path, spec), partial(_load, path, spec)))


def trial_embedder(spec: RuntimeSpec) -> Embedder:
    """Return an embedding model for a first look: not kept, and not measured for speed. Raises RuntimeFailure."""
    if spec.runtime != "sentence_transformers" or settings.ENV.embed_runtime:
        return embedder(spec)
    return cast("Embedder", _load("apps.runtimes.embedding.load_for_trial", spec))


def reranker(spec: RuntimeSpec) -> Reranker:
    """Return the rerank model of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = _named(RERANK_RUNTIMES, spec)
    return cast("Reranker", _shelf.get((path, spec), partial(_load, path, spec)))


def image_model(spec: RuntimeSpec) -> ImageModel:
    """Return the image model of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = _named(IMAGE_RUNTIMES, spec)
    return cast("ImageModel", _shelf.get((path, spec), partial(_load, path, spec)))


def prepare_image_model(spec: RuntimeSpec) -> None:
    """Import what draws with the image model of `spec`, without loading the model. Raises RuntimeFailure."""
    import_module(_named(IMAGE_RUNTIMES, spec).rpartition(".")[0])


def upscaler(spec: RuntimeSpec) -> Upscaler:
    """Return the network of `spec` that enlarges pictures, loaded on first use. Raises RuntimeFailure."""
    path = _named(UPSCALERS, spec)
    return cast("Upscaler", _shelf.get((path, spec), partial(_load, path, spec)))


def image_trainer(spec: RuntimeSpec) -> Trainer:
    """Return what trains adapters for the image model of `spec`, with a copy of it. Raises RuntimeFailure."""
    path = _named(TRAINERS, spec)
    idle_s = spec.keep_alive_s or settings.ENV.model_keep_alive_s  # a default stays for drawing, not for training
    own = replace(spec, keep_alive_s=idle_s)
    return cast("Trainer", _shelf.get((path, own), partial(_load, path, own)))


def picture_checker(spec: RuntimeSpec) -> PictureChecker:
    """Return the safety checker of `spec`, loaded on first use. Raises RuntimeFailure."""
    path = _named(CHECKERS, spec)
    return cast("PictureChecker", _shelf.get((path, spec), partial(_load, path, spec)))


def tokenizer(spec: RuntimeSpec) -> Tokenizer:
    """Return the tokenizer of the embedding model of `spec`, without loading the model. Raises RuntimeFailure.

    Where KB_EMBED_RUNTIME names another factory, `load_tokenizer` of its module is used.
    """
    other: str = settings.ENV.embed_runtime
    path = f"{other.rpartition('.')[0]}.load_tokenizer" if other else _named(TOKENIZERS, spec)
    return cast("Tokenizer", _tokenizers.get((path, spec), partial(_load, path, spec)))


def close_all() -> None:
    """Free every loaded model, as a worker does when it stops."""
    _shelf.close()
    _tokenizers.close()


def loaded() -> list[Loaded]:
    """Return the models of this process, those on their way included."""
    return _shelf.listed()


def unload(name: str) -> bool:
    """Let the model of a name go; return whether none is left. One that answers right now stays."""
    return _shelf.drop(name)


def evict_idle() -> list[str]:
    """Let go what nobody used for its `keep_alive_s`; return the names."""
    return _shelf.evict_idle()


def _named(runtimes: dict[str, str], spec: RuntimeSpec) -> str:
    if spec.runtime not in runtimes:
        raise RuntimeFailure(f"The model {spec.name} names the runtime {spec.runtime!r}, which cannot run it.")
    return runtimes[spec.runtime]


def _load(path: str, spec: RuntimeSpec) -> Any:
    module, _, factory = path.rpartition(".")
    return getattr(import_module(module), factory)(spec)
