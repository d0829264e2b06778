"""The image model that the product draws with: pipelines of diffusers behind `apps.runtimes.drawing.ImageModel`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.adapters import Controls, loras_put_on
from apps.runtimes.diffusion.conditions import read_conditions
from apps.runtimes.diffusion.image_prompts import ImagePrompts, picture_shown
from apps.runtimes.diffusion.loading import load_pipeline, thread_count
from apps.runtimes.diffusion.painting import Extras, Painter, Pipelines
from apps.runtimes.diffusion.previews import Previewer
from apps.runtimes.diffusion.prompts import PromptReader
from apps.runtimes.diffusion.threads import computing_with
from apps.runtimes.diffusion.words import load_words
from apps.runtimes.drawing import Drawing, OnStep
from apps.runtimes.spec import RuntimeSpec

# What model libraries raise where a drawing asks for what the model cannot do, or memory runs out.
_BREAKDOWNS = (RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError)


class DiffusersModel:
    """A Stable Diffusion model, 1 to XL. Draws one picture at a time; nothing of one drawing outlives it."""

    def __init__(self, spec: RuntimeSpec, pipeline: Any) -> None:
        self.name = spec.name
        self.is_busy = False
        self._lock = threading.Lock()
        self._pipeline = pipeline
        self._pipelines = Pipelines(pipeline)
        self._reader = PromptReader(pipeline)
        self._previewer = Previewer(pipeline, spec.path)
        self._controls = Controls()
        self._image_prompts = ImagePrompts()
        self._threads = thread_count(pipeline, spec.threads)
        self._zeros_for_empty = bool(pipeline.config.get("force_zeros_for_empty_prompt", False))

    def draw(self, drawing: Drawing, on_step: OnStep) -> Picture:
        """Return the picture; `on_step` may raise Stopped, within one step. Raises RuntimeFailure."""
        with self._lock:
            self.is_busy = True
            try:
                with computing_with(self._threads), torch.no_grad(), _failing_as_runtime(self.name):
                    return self._draw(drawing, on_step)
            finally:
                self.is_busy = False

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`, without the special ones."""
        return self._reader.count(text)

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            del self._pipeline, self._pipelines, self._reader, self._previewer, self._controls, self._image_prompts
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _draw(self, drawing: Drawing, on_step: OnStep) -> Picture:
        denoiser, use = self._pipeline.unet, drawing.image_prompt
        words = load_words(drawing.tokens, self._reader.widths)
        control = self._controls.get(drawing.control.path, denoiser) if drawing.control else None
        adapter = self._image_prompts.get(use.path, denoiser) if use else None
        is_guided = drawing.guidance > 1 and denoiser.config.time_cond_proj_dim is None  # as pipelines judge it
        with (
            loras_put_on(self._pipeline, drawing.loras),
            picture_shown(self._pipeline, adapter, use, is_guided=is_guided) as shown,
        ):
            conditions = read_conditions(drawing, self._reader, words, zeros_for_empty=self._zeros_for_empty)
            return Painter(self._pipelines, self._previewer, drawing, conditions, Extras(control, shown)).paint(on_step)


def load_image_model(spec: RuntimeSpec) -> DiffusersModel:
    """Return the image model of `spec`: a folder of diffusers or a .safetensors checkpoint. Raises RuntimeFailure."""
    return DiffusersModel(spec, load_pipeline(spec.path))


@contextmanager
def _failing_as_runtime(name: str) -> Iterator[None]:
    try:
        yield
    except _BREAKDOWNS as error:
        raise RuntimeFailure(f"The image model {name} could not draw: {error}") from error
