"""Tries image models and measures them; checks adapters, which draw nothing by themselves."""

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from apps.catalog.errors import ModelBroken
from apps.catalog.inspecting import inspect
from apps.catalog.models import AIModel
from apps.catalog.specs import check_model, entry_of
from apps.catalog.suiting import Suits
from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.drawing import Drawing, ImageModel, Progress, PromptPart, PromptStage, Upscaler, Weighted

TRIAL_SIDE, TRIAL_STEPS = 256, 4  # at most: a first look, also on a CPU
BENCH_STEPS, BENCH_ROUNDS, BENCH_S = 10, 3, 30.0  # no further round begins after so many seconds
TRIAL_SOURCE: Picture = np.indices((16, 16, 3), np.uint8).sum(0, np.uint8) * 7  # slanted bands
PROMPT = "a red circle on white background"  # what the demonstration model knows too
Tell = Callable[[int, int], None]


def try_drawing(model: ImageModel, best: Suits) -> dict[str, Any]:
    """Draw one small picture. Raises RuntimeFailure, also for a picture of one colour: numbers that ran over."""
    side = min(best["side"], TRIAL_SIDE)
    picture = model.draw(_drawing(best, side, min(best["steps"], TRIAL_STEPS)), _ignore)
    if picture.shape != (side, side, 3) or picture.min() == picture.max():
        raise RuntimeFailure(f"The model {model.name} drew an empty picture.")
    return {"side": side}


def try_enlarging(upscaler: Upscaler) -> dict[str, Any]:
    """Enlarge a small picture. Raises RuntimeFailure, also for one of another size."""
    side, factor = TRIAL_SOURCE.shape[0], upscaler.factor
    if upscaler.upscale(TRIAL_SOURCE, factor, _ignore).shape != (side * factor, side * factor, 3):
        raise RuntimeFailure(f"The upscaler {upscaler.name} does not enlarge by {factor}.")
    return {"factor": factor}


def bench_drawing(model: ImageModel, best: Suits, tell: Tell) -> dict[str, Any]:
    """Return the steps per second at the size that suits the model. `tell` may raise: it is not wanted any more."""
    steps = max(2, min(best["steps"], BENCH_STEPS))
    model.draw(_drawing(best, best["side"], 2), _ignore)  # buffers, code of this shape
    began, times = time.perf_counter(), list[float]()
    for number in range(BENCH_ROUNDS):
        ended: list[float] = []
        model.draw(_drawing(best, best["side"], steps), partial(_clock, ended, tell, number * steps))
        times += [after - before for before, after in pairwise(ended)]  # the first step waits for the prompt
        if time.perf_counter() - began > BENCH_S:
            break
    return {"steps_per_s": round(1 / max(median(times), 1e-6), 2), "side": best["side"]}


def _clock(ended: list[float], tell: Tell, before: int, progress: Progress) -> None:
    ended.append(time.perf_counter())
    tell(before + progress.step, BENCH_ROUNDS * max(progress.steps, 1))


def check_adapter(model: AIModel) -> dict[str, Any]:
    """Compare an adapter's files with their checksums and judge them by content again.

    Raises ModelBroken, and ModelRefused where they are none of what can be used.
    """
    if check_model(model).state != AIModel.State.READY:
        raise ModelBroken(reason=model.error)
    found = inspect(entry_of(model))
    if (found.kind, found.adapter) != (model.kind, model.adapter):
        raise ModelBroken(reason=_("Its file is another kind of adapter than it was."))
    return {"adapter": found.adapter, "bytes": found.size_bytes}


def _drawing(best: Suits, side: int, steps: int) -> Drawing:
    positive = (PromptPart((PromptStage(steps, (Weighted(PROMPT),)),)),)
    negative = (PromptStage(steps, ()),)
    return Drawing(
        positive, negative, width=side, height=side, steps=steps, guidance=best["guidance"], seed=1,
        sampler=best["sampler"],
    )  # fmt: skip


def _ignore(_progress: Progress) -> None:
    """Look at no step."""
