"""How fast pictures are drawn: the engine against a plain call of diffusers, and how soon a wish to stop is granted."""

import statistics
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.engine import load_image_model
from apps.runtimes.diffusion.raw import raw_draw, raw_pipeline
from apps.runtimes.drawing import Drawing, ImageModel, Progress, PromptPart, PromptStage, Stopped, Weighted

ROUNDS = 24  # taken in turn, so that other load of the machine hits both alike
STEPS = 30
LONG_STEPS = 200  # of a drawing that is stopped
STOPS = 8
SIDE = 64  # where the model does not say what it was trained on
_PROMPT, _NEGATIVE = "a red circle on a white background", "blue"


def image_ratio(rounds: int = ROUNDS) -> dict[str, Any]:
    """Return `image_ratio`: steps a second of the product ÷ of a plain call of diffusers, for the same drawing.

    Same model, prompt, seed, sampler and threads; the product counts its steps and makes previews besides. Each round
    draws with both; the best times are compared, since other load of the machine only adds, and the processor's time.
    """
    model = default_model(AIModel.Kind.IMAGE)
    spec = spec_of(model)
    if spec.runtime != "diffusers":
        message = f"The default image model {spec.name} is not run by diffusers."
        raise RuntimeFailure(message)
    engine, raw = load_image_model(spec), raw_pipeline(spec)
    drawing = _drawing(int(model.capabilities.get("side", SIDE)))
    rounds_done = [_compared(engine, raw, replace(drawing, seed=number)) for number in range(rounds + 1)][1:]
    ours, theirs = ([one[name] for one in rounds_done] for name in ("ours", "raw"))
    ours_s, raw_s = (min(one.wall_s for one in runs) for runs in (ours, theirs))
    return {
        "image_ratio": round(raw_s / ours_s, 3),
        "image_cpu_ratio": round(statistics.median(b.cpu_s / a.cpu_s for a, b in zip(ours, theirs, strict=True)), 3),
        "image_steps_per_s": round(STEPS / ours_s, 1),
        "image_raw_steps_per_s": round(STEPS / raw_s, 1),
        "image_same_bytes": all(np.array_equal(a.picture, b.picture) for a, b in zip(ours, theirs, strict=True)),
        **_stops(engine, drawing, statistics.median(one.wall_s for one in ours) / STEPS),
    }


@dataclass(frozen=True, slots=True)
class _Run:
    """A picture and the seconds that it took, by the clock and of processors."""

    picture: Picture
    wall_s: float
    cpu_s: float


def _compared(engine: ImageModel, raw: Any, drawing: Drawing) -> dict[str, _Run]:
    """Draw with both, in turns first."""
    draws = {
        "ours": partial(engine.draw, drawing, _ignore),
        "raw": partial(raw_draw, raw, _PROMPT, _NEGATIVE, drawing),
    }
    names = list(draws) if drawing.seed % 2 else list(reversed(draws))
    return {name: _timed(draws[name]) for name in names}


def _stops(engine: ImageModel, drawing: Drawing, step_s: float) -> dict[str, float]:
    """Stop drawings at moments that know nothing of their steps."""
    found = [_stop(engine, replace(drawing, steps=LONG_STEPS), (10.3 + 5.7 * n) * step_s) for n in range(STOPS)]
    return {
        "image_stop_steps": max(steps for steps, _seconds in found),
        "image_stop_ms": round(1_000 * max(seconds for _steps, seconds in found), 1),
        "image_step_ms": round(1_000 * step_s, 1),
    }


def _stop(engine: ImageModel, drawing: Drawing, after_s: float) -> tuple[int, float]:
    """Return how many steps were still done after the wish to stop, and how long it took."""
    wish = threading.Event()
    wished_at, late_steps = 0.0, 0

    def want() -> None:
        nonlocal wished_at
        wished_at = time.perf_counter()
        wish.set()

    def on_step(_progress: Progress) -> None:
        nonlocal late_steps
        if wish.is_set():
            late_steps += 1
            raise Stopped

    timer = threading.Timer(after_s, want)
    timer.start()
    with suppress(Stopped):
        engine.draw(drawing, on_step)
    return late_steps, time.perf_counter() - wished_at


def _drawing(side: int) -> Drawing:
    def said(text: str) -> tuple[PromptStage, ...]:
        return (PromptStage(STEPS, (Weighted(text),)),)

    return Drawing(
        (PromptPart(said(_PROMPT)),), said(_NEGATIVE), width=side, height=side, steps=STEPS, guidance=5.0, seed=0
    )


def _timed(draw: Callable[[], Picture]) -> _Run:
    began, cpu_began = time.perf_counter(), time.process_time()
    picture = draw()
    return _Run(picture, time.perf_counter() - began, time.process_time() - cpu_began)


def _ignore(_: Progress) -> None:
    """Look at no step."""
