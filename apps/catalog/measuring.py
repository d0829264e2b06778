"""Tries a model and measures it, in the process that holds the models."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median
from typing import Any, cast

import numpy as np

from apps.catalog.errors import CannotRun, DoesNotFit, ModelBroken
from apps.catalog.measuring_images import Tell, bench_drawing, check_adapter, try_drawing, try_enlarging
from apps.catalog.models import AIModel
from apps.catalog.specs import spec_of
from apps.catalog.suiting import suits
from apps.runtimes import registry
from apps.runtimes.contracts import ChatModel, Embedder, Reranker, RuntimeFailure, Sampling, Turn
from apps.runtimes.drawing import ImageModel
from apps.runtimes.shelf import GRACE_S, MIB, NoRoom

TRIAL_TOKENS = 24
BENCH_TOKENS = 64
BENCH_ROUNDS = 3
BENCH_PASSAGES = 64
NEAR = ("The pump stops when the pressure falls.", "When pressure drops, the pump shuts down.")
FAR = "Every employee has fifteen days of paid leave a year."
PASSAGE = "Every employee has fifteen days of paid leave a year; unused days lapse at the end of March. " * 4
QUESTION = "What happens when the pressure falls?"


def load(model: AIModel, *, is_trial: bool = False) -> object:
    """Return the model, loaded; for a trial, an embedding model is not measured for its fastest engine first.

    Raises ModelBroken, DoesNotFit.
    """
    loaders: dict[str, Callable[[Any], object]] = {
        AIModel.Kind.CHAT: registry.chat_model,
        AIModel.Kind.EMBEDDING: registry.trial_embedder if is_trial else registry.embedder,
        AIModel.Kind.RERANK: registry.reranker,
        AIModel.Kind.IMAGE: registry.image_model,
    }
    loader = registry.upscaler if model.adapter == AIModel.Adapter.UPSCALER else loaders.get(model.kind)
    if loader is None:
        raise CannotRun(file=model.title, what=model.get_kind_display())
    try:
        return loader(spec_of(model))
    except NoRoom as error:
        raise DoesNotFit(needed=error.needed // MIB, free=error.free // MIB) from error
    except RuntimeFailure as error:
        raise ModelBroken(reason=str(error)) from error


def try_model(model: AIModel) -> dict[str, Any]:
    """Let the model do a little of what it is for; return what came of it. Raises ModelBroken, DoesNotFit.

    The files of an adapter are judged once more, which raises ModelRefused too.
    """
    facts = check_adapter(model) if model.kind == AIModel.Kind.ADAPTER else {}
    if facts and model.adapter != AIModel.Adapter.UPSCALER:
        return facts
    began = time.perf_counter()
    loaded = load(model, is_trial=True)
    load_s = time.perf_counter() - began
    trials: dict[str, Callable[[Any], dict[str, Any]]] = {
        AIModel.Kind.CHAT: _try_chat,
        AIModel.Kind.EMBEDDING: _try_embedder,
        AIModel.Kind.RERANK: _try_reranker,
        AIModel.Kind.IMAGE: partial(try_drawing, best=suits(model)),
        AIModel.Kind.ADAPTER: try_enlarging,
    }
    try:
        result = facts | trials[model.kind](loaded)
    except RuntimeFailure as error:
        raise ModelBroken(reason=str(error)) from error
    return result | {"load_s": round(load_s, 2), "seconds": round(time.perf_counter() - began, 2)}


def _try_chat(chat: ChatModel) -> dict[str, Any]:
    said = ""
    with closing(
        cast("Any", chat.stream(_prompt(chat, "Say hello in five words."), _sampling(TRIAL_TOKENS)))
    ) as pieces:
        for piece in pieces:
            said += piece.text
    return {"said": said.strip()[:300]}


def _try_embedder(embedder: Embedder) -> dict[str, Any]:
    rows = embedder.embed_passages([*NEAR, FAR])
    if not np.isfinite(rows).all() or rows.shape[0] != len(NEAR) + 1:
        raise RuntimeFailure(f"The model {embedder.name} gave vectors that cannot be used.")
    near, far = float(rows[0] @ rows[1]), float(rows[0] @ rows[2])
    if near <= far:
        raise RuntimeFailure(f"The model {embedder.name} finds unrelated sentences nearer than related ones.")
    return {"dimensions": int(rows.shape[1]), "near": round(near, 3), "far": round(far, 3)}


def _try_reranker(reranker: Reranker) -> dict[str, Any]:
    scores = reranker.score(QUESTION, [NEAR[0], FAR])
    return {"near": round(float(scores[0]), 3), "far": round(float(scores[1]), 3)}


def _prompt(chat: ChatModel, text: str) -> str:
    return chat.render([Turn("user", text)]) if chat.is_instruct else f"{text}\n"


def _sampling(tokens: int) -> Sampling:
    return Sampling(max_tokens=tokens, temperature=0.0, stop=())


def benchmark(model: AIModel, tell: Tell) -> dict[str, Any]:
    """Return the figures of the model on this machine, at the load of this moment. Raises ModelBroken, DoesNotFit."""
    if model.kind == AIModel.Kind.IMAGE:
        return _bench_image(model, tell)
    loaded = load(model)
    benchmarks: dict[str, Callable[[Any, Tell], dict[str, Any]]] = {
        AIModel.Kind.CHAT: _bench_chat,
        AIModel.Kind.EMBEDDING: _bench_embedder,
        AIModel.Kind.RERANK: _bench_reranker,
    }
    try:
        return benchmarks[model.kind](loaded, tell)
    except RuntimeFailure as error:
        raise ModelBroken(reason=str(error)) from error


def _bench_image(model: AIModel, tell: Tell) -> dict[str, Any]:
    """Time the load and the steps. A model that is in use stays loaded; of its load the last figure is kept."""
    in_use = any(each.is_busy or each.idle_s < GRACE_S for each in registry.loaded() if each.name == model.name)
    is_fresh = not in_use and registry.unload(model.name)
    began = time.perf_counter()
    loaded = cast("ImageModel", load(model))
    load_s = time.perf_counter() - began
    try:
        found = bench_drawing(loaded, suits(model), tell)
    except RuntimeFailure as error:
        raise ModelBroken(reason=str(error)) from error
    known = round(load_s, 2) if is_fresh else model.benchmark.get("load_s")
    return found | ({} if known is None else {"load_s": known})


def _bench_chat(chat: ChatModel, tell: Tell) -> dict[str, Any]:
    """Time the first token and the rate after it; each prompt begins otherwise, so that none is read from memory."""
    first_ms, rates = [], []
    for number in range(BENCH_ROUNDS):
        tell(number, BENCH_ROUNDS)
        text = f"{number} {time.time_ns()}. Summarise and then explain in detail: {PASSAGE}"
        first, rate = _one_round(chat, _prompt(chat, text))
        first_ms.append(first)
        if rate:
            rates.append(rate)
    return {
        "first_token_ms": round(median(first_ms)),
        "tokens_per_s": round(median(rates), 1) if rates else None,
        "prompt_tokens": chat.count_tokens(_prompt(chat, PASSAGE)),
    }


def _one_round(chat: ChatModel, prompt: str) -> tuple[float, float]:
    began = time.perf_counter()
    first_at, tokens, last_at = 0.0, 0, 0.0
    with closing(cast("Any", chat.stream(prompt, _sampling(BENCH_TOKENS)))) as pieces:
        for piece in pieces:
            if not piece.tokens:
                continue
            last_at = time.perf_counter()
            if not first_at:
                first_at = last_at
                continue
            tokens += piece.tokens
    if not first_at:
        raise RuntimeFailure(f"The model {chat.name} said nothing.")
    return (first_at - began) * 1000, tokens / (last_at - first_at) if last_at > first_at else 0.0


def _bench_embedder(embedder: Embedder, tell: Tell) -> dict[str, Any]:
    passages = [f"{number}: {PASSAGE}" for number in range(BENCH_PASSAGES)]
    embedder.embed_passages(passages[:4])  # buffers, code of this shape
    began = time.perf_counter()
    for start in range(0, BENCH_PASSAGES, 16):
        tell(start, BENCH_PASSAGES)
        embedder.embed_passages(passages[start : start + 16])
    passages_per_s = BENCH_PASSAGES / (time.perf_counter() - began)
    times = []
    for number in range(10):
        began = time.perf_counter()
        embedder.embed_queries([f"{QUESTION} {number}"])
        times.append((time.perf_counter() - began) * 1000)
    return {"passages_per_s": round(passages_per_s, 1), "query_ms": round(median(times), 1)}


def _bench_reranker(reranker: Reranker, tell: Tell) -> dict[str, Any]:
    times = []
    for number in range(BENCH_ROUNDS):
        tell(number, BENCH_ROUNDS)
        began = time.perf_counter()
        reranker.score(f"{QUESTION} {number}", [PASSAGE] * 16)
        times.append(time.perf_counter() - began)
    return {"pairs_per_s": round(16 / median(times), 1)}
