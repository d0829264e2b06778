"""A deterministic stand-in for an image model: tests and a quick look need no weights. Plain Python and numpy.

It paints what can be told apart: the colour comes from the prompt, the slant of the stripes from the seed, their
number from the steps. A source shows through by `1 - strength`; where a mask is black the source stays as it was.
"""

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.drawing import Drawing, OnStep, Progress, final_size
from apps.runtimes.fake import FakeTokenizer
from apps.runtimes.spec import RuntimeSpec

PREVIEW_SHRINKS = 8  # a preview has the size of the latents of Stable Diffusion

_failures: list[RuntimeFailure] = []
_failures_lock = threading.Lock()


class FakeImageModel:
    """Draws stripes, at once. `drawn` tells a test what was asked, in order."""

    def __init__(self, name: str = "fake-image") -> None:
        self.name = name
        self.is_busy = False
        self.drawn: list[Drawing] = []
        self._lock = threading.Lock()

    def draw(self, drawing: Drawing, on_step: OnStep) -> Picture:
        """Return the picture of the same bytes for the same drawing; `on_step` may raise Stopped."""
        with self._lock:
            self.is_busy = True
            try:
                return self._draw(drawing, on_step)
            finally:
                self.is_busy = False

    def count_tokens(self, text: str) -> int:
        """Return the number of words, Han characters and marks."""
        return FakeTokenizer().count([text])[0]

    def close(self) -> None:
        """Own nothing, free nothing."""

    def _draw(self, drawing: Drawing, on_step: OnStep) -> Picture:
        self.drawn.append(drawing)
        with _failures_lock:
            failure = _failures.pop(0) if _failures else None
        if failure is not None:
            raise failure
        picture = _over_source(_stripes(drawing), drawing)
        steps = _steps(drawing)
        for step in range(1, steps + 1):
            on_step(Progress(step, steps, _preview(picture, step / steps)))
        return picture


class FakeUpscaler:
    """Doubles each pixel, and takes every row for a tile."""

    factor = 2

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_busy = False

    def upscale(self, picture: Picture, scale: float, on_step: OnStep) -> Picture:
        """Return the picture `scale` times as large; `on_step` may raise Stopped."""
        height, width = picture.shape[:2]
        for row in range(height):
            on_step(Progress(row + 1, height))
        rows = np.arange(round(height * scale)) * height // round(height * scale)
        columns = np.arange(round(width * scale)) * width // round(width * scale)
        return np.asarray(picture[rows][:, columns], np.uint8)


@contextmanager
def failing(*failures: RuntimeFailure) -> Iterator[None]:
    """Make the next drawings of this process fail, in order."""
    with _failures_lock:
        _failures[:] = failures
    try:
        yield
    finally:
        with _failures_lock:
            _failures.clear()


def load_image_model(spec: RuntimeSpec) -> FakeImageModel:
    """Return the fake image model that stands for `spec`."""
    return FakeImageModel(spec.name)


def load_upscaler(spec: RuntimeSpec) -> FakeUpscaler:
    """Return the fake upscaler that stands for `spec`."""
    return FakeUpscaler(spec.name)


def _stripes(drawing: Drawing) -> Picture:
    width, height = final_size(drawing)
    code = zlib.crc32(repr((drawing.positive, drawing.negative, drawing.loras, drawing.tokens)).encode())
    colour = np.array([code & 255, code >> 8 & 255, code >> 16 & 255], np.float32)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = np.random.default_rng(drawing.seed).uniform(0, np.pi)
    along = (columns * np.cos(angle) + rows * np.sin(angle)) / max(width, height)
    light = 0.75 + 0.25 * np.sin(2 * np.pi * drawing.steps * along)
    painted: Picture = np.clip(colour * light[..., None], 0, 255).astype(np.uint8)
    return painted


def _over_source(painted: Picture, drawing: Drawing) -> Picture:
    """Return the picture over its source, which the caller has brought to the size of the drawing."""
    if drawing.source is None or drawing.source.shape != painted.shape:
        return painted
    share = np.full(painted.shape[:2], drawing.strength, np.float32)
    if drawing.mask is not None:
        share *= drawing.mask.astype(np.float32) / 255
    mixed = painted * share[..., None] + drawing.source * (1 - share[..., None])
    over: Picture = np.rint(mixed).astype(np.uint8)
    return over


def _steps(drawing: Drawing) -> int:
    first = drawing.steps if drawing.source is None else max(1, int(drawing.steps * drawing.strength))
    second = max(1, int(drawing.hires.steps * drawing.hires.strength)) if drawing.hires else 0
    return first + second


def _preview(picture: Picture, share: float) -> Picture:
    small = picture[::PREVIEW_SHRINKS, ::PREVIEW_SHRINKS]
    preview: Picture = (128 + (small.astype(np.float32) - 128) * share).astype(np.uint8)
    return preview
