"""llama-cpp-python as anybody would use it: the yardstick of the benchmarks. The product never answers with it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llama_cpp
from llama_cpp import llama_cpp as lib

from apps.runtimes.contracts import Sampling
from apps.runtimes.llama.native import is_repacking_safe
from apps.runtimes.spec import RuntimeSpec


def raw_llama(spec: RuntimeSpec) -> Any:
    """Return a `llama_cpp.Llama` of the model's file, with the engine's context and threads; call `close()` on it."""
    threads = spec.threads or os.cpu_count() or 1
    with _safe_buffers():
        return llama_cpp.Llama(
            str(spec.path), n_ctx=spec.max_tokens, n_threads=threads, n_threads_batch=threads, verbose=False
        )


def raw_stream(llama: Any, prompt: str, sampling: Sampling) -> Iterator[str]:
    """Yield the texts of `create_completion(stream=True)`."""
    for chunk in llama.create_completion(
        prompt,
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        min_p=sampling.min_p,
        repeat_penalty=sampling.repeat_penalty,
        stream=True,
    ):
        yield chunk["choices"][0]["text"]


@contextmanager
def _safe_buffers() -> Iterator[None]:
    """Make the library load models as the engine does where its own way crashes; it has no argument for that."""
    original = lib.llama_model_default_params

    def parameters() -> Any:
        found = original()
        found.use_extra_bufts = is_repacking_safe()
        return found

    lib.llama_model_default_params = parameters
    try:
        yield
    finally:
        lib.llama_model_default_params = original
