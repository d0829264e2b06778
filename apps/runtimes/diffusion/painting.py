"""One picture: its passes through the pipelines of diffusers, with prompts, noise and steps as the drawing says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import diffusers
import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn import functional

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.conditions import Clock, Conditions, conditioned
from apps.runtimes.diffusion.noise import Variation, generator_of
from apps.runtimes.diffusion.previews import Previewer
from apps.runtimes.diffusion.samplers import Sampling, build_scheduler
from apps.runtimes.diffusion.steps import Steps
from apps.runtimes.drawing import Drawing, Hires, OnStep, final_size

Kind = Literal["text", "image", "inpaint"]
Size = tuple[int, int]  # width, height

_FACTORIES = {
    "text": diffusers.AutoPipelineForText2Image,
    "image": diffusers.AutoPipelineForImage2Image,
    "inpaint": diffusers.AutoPipelineForInpainting,
}


class Pipelines:
    """The pipelines over the parts of one model: they share all weights."""

    def __init__(self, text: Any) -> None:
        self._text = text
        self.trained = dict(text.scheduler.config)  # the noise that the model was trained with
        self._made: dict[Kind, Any] = {"text": text}

    def get(self, kind: Kind, control: Any = None) -> Any:
        """Return the pipeline for a kind of pass, with a ControlNet where one is given."""
        if control is not None:
            return self._make(kind, controlnet=control)
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: Kind, **parts: Any) -> Any:
        pipeline = _FACTORIES[kind].from_pipe(self._text, **parts)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


@dataclass(frozen=True, slots=True)
class Pass:
    """One run of a pipeline. `steps` are those of the whole noise schedule, of which `strength` is done."""

    kind: Kind
    size: Size
    steps: int
    strength: float = 1.0
    image: Any = None  # what is drawn over: a PIL picture, or latents
    mask: Image.Image | None = None
    output: Literal["pil", "latent"] = "pil"

    @property
    def done_steps(self) -> int:
        """Return the number of steps that are done."""
        return self.steps if self.kind == "text" else _done(self.steps, self.strength)

    @property
    def least_strength(self) -> float:
        """Return the strength, raised to where one step is done."""
        return max(self.strength, (1 + 1e-9) / self.steps)


@dataclass(frozen=True, slots=True)
class Extras:
    """What steers a drawing beside its prompts: a ControlNet, and what an IP-Adapter saw."""

    control: Any = None
    image_embeds: Sequence[Tensor] = ()


class Painter:
    """Paints one drawing. `conditions` are its prompts."""

    def __init__(
        self,
        pipelines: Pipelines,
        previewer: Previewer,
        drawing: Drawing,
        conditions: Conditions,
        extras: Extras,
    ) -> None:
        self._pipelines = pipelines
        self._previewer = previewer
        self._drawing = drawing
        self._conditions = conditions
        self._extras = extras

    def paint(self, on_step: OnStep) -> Picture:
        """Return the picture; `on_step` may raise."""
        first, hires = self._first_pass(), self._drawing.hires
        steps = Steps(on_step, first.done_steps + (_done(hires.steps, hires.strength) if hires else 0))
        painted = self._run(first, steps)
        if hires:
            painted = self._run(_second_pass(painted, self._drawing, hires, steps.wait), steps)
        picture: Picture = np.asarray(painted)
        return picture if first.mask is None else _laid_over(picture, first.image, first.mask)

    def _first_pass(self) -> Pass:
        drawing, size = self._drawing, (self._drawing.width, self._drawing.height)
        if drawing.source is None:
            is_latent = drawing.hires is not None and drawing.hires.upscaler == "latent"
            return Pass("text", size, drawing.steps, output="latent" if is_latent else "pil")
        source = resized(Image.fromarray(drawing.source), size)
        if drawing.mask is None:
            return Pass("image", size, drawing.steps, drawing.strength, source)
        if drawing.hires:
            raise RuntimeFailure("A picture that is painted anew in parts has no second, enlarged pass.")
        mask = resized(Image.fromarray(drawing.mask), size).filter(ImageFilter.GaussianBlur(drawing.mask_blur))
        return Pass("inpaint", size, drawing.steps, drawing.strength, source, mask)

    def _run(self, one: Pass, steps: Steps) -> Any:
        drawing = self._drawing
        pipeline = self._pipelines.get(one.kind, self._extras.control)
        sampling = Sampling(drawing.sampler, drawing.schedule, one.steps, drawing.seed)
        pipeline.scheduler = build_scheduler(self._pipelines.trained, sampling)
        generator = generator_of(drawing.seed)
        clock = Clock(drawing.steps + 1 if steps.done else 1)  # as schedules count
        arguments = self._said() | _shown(one) | self._controlled(one) | self._varied(one, pipeline, generator)
        with (
            conditioned(pipeline, self._conditions, clock),
            self._previewer.watching(pipeline.unet, drawing.guidance) as show,
        ):
            painted = pipeline(
                **arguments,
                num_inference_steps=one.steps,
                guidance_scale=drawing.guidance,
                generator=generator,
                output_type=one.output,
                callback_on_step_end=steps.follow(one.done_steps, clock, show),
            ).images
        return painted if one.output == "latent" else painted[0]

    def _said(self) -> dict[str, Any]:
        positive, negative = self._conditions.first()
        said: dict[str, Any] = {"prompt_embeds": positive.states, "negative_prompt_embeds": negative.states}
        if positive.pooled is not None:
            said |= {"pooled_prompt_embeds": positive.pooled, "negative_pooled_prompt_embeds": negative.pooled}
        if self._extras.image_embeds:
            said["ip_adapter_image_embeds"] = list(self._extras.image_embeds)
        return said

    def _controlled(self, one: Pass) -> dict[str, Any]:
        control = self._drawing.control
        if control is None:
            return {}
        return {
            "image" if one.kind == "text" else "control_image": resized(Image.fromarray(control.picture), one.size),
            "controlnet_conditioning_scale": control.scale,
            "control_guidance_start": control.start,
            "control_guidance_end": control.end,
        }

    def _varied(self, one: Pass, pipeline: Any, generator: torch.Generator) -> dict[str, Any]:
        """Mix in the noise of the variation's seed: as first latents, or where the scheduler adds it to the source."""
        drawing = self._drawing
        if drawing.variation_seed is None or not drawing.variation_strength:
            return {}
        variation = Variation(drawing.variation_seed, drawing.variation_strength)
        if one.kind == "text" or (one.kind == "inpaint" and one.strength == 1):
            channels, factor = pipeline.vae.config.latent_channels, pipeline.vae_scale_factor
            shape = (1, channels, one.size[1] // factor, one.size[0] // factor)
            return {"latents": variation.noise(shape, generator, self._conditions.first()[0].states)}
        variation.put_into(pipeline.scheduler)
        return {}


def _done(steps: int, strength: float) -> int:
    """Return how many steps of a schedule are done: none at all would be no picture."""
    return max(1, int(steps * strength))


def resized(picture: Image.Image, size: Size) -> Image.Image:
    """Return the picture in this size; the very same one where it has it."""
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def _shown(one: Pass) -> dict[str, Any]:
    """Return what a pipeline is given of size and source."""
    sizes = {"width": one.size[0], "height": one.size[1]}
    if one.kind == "text":
        return sizes
    source = {"image": one.image, "strength": one.least_strength}
    return source if one.kind == "image" else source | sizes | {"mask_image": one.mask}


def _second_pass(painted: Any, drawing: Drawing, hires: Hires, on_tile: OnStep) -> Pass:
    size = final_size(drawing)
    if isinstance(painted, Tensor):
        factor = drawing.width // painted.shape[-1]
        painted = functional.interpolate(painted, size=(size[1] // factor, size[0] // factor), mode="bilinear")
    elif hires.upscaler == "network":
        if hires.network is None:
            raise RuntimeFailure("There is no network for the second pass.")
        enlarged = hires.network.upscale(np.asarray(painted), hires.scale, on_tile)
        painted = resized(Image.fromarray(enlarged), size)
    else:
        painted = resized(painted, size)
    return Pass("image", size, hires.steps, hires.strength, painted)


def _laid_over(painted: Picture, source: Image.Image, mask: Image.Image) -> Picture:
    """Return the source with the painted part over it; where the blurred mask is black it keeps its bytes."""
    share = np.asarray(mask, np.float32)[..., None] / 255
    mixed: Picture = np.rint(painted * share + np.asarray(source) * (1 - share)).astype(np.uint8)
    return mixed
