"""diffusers as anybody would use it: the yardstick of the benchmarks. The product never draws with it."""

from typing import Any

import diffusers
import numpy as np
import torch

from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.loading import best_device, thread_count
from apps.runtimes.drawing import Drawing
from apps.runtimes.spec import RuntimeSpec


def raw_pipeline(spec: RuntimeSpec) -> Any:
    """Return the pipeline of a model's folder with DPM++ 2M Karras, and with the engine's threads."""
    device, dtype = best_device()
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(
        spec.path, dtype=dtype, local_files_only=True, use_safetensors=True, safety_checker=None
    )
    pipeline.scheduler = diffusers.DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, use_karras_sigmas=True
    )
    pipeline.set_progress_bar_config(disable=True)
    torch.set_num_threads(thread_count(pipeline, spec.threads))
    return pipeline.to(device)


def raw_draw(pipeline: Any, prompt: str, negative: str, drawing: Drawing) -> Picture:
    """Return the picture of one plain call with the settings of `drawing`; its prompts are given as texts."""
    picture: Picture = np.asarray(
        pipeline(
            prompt,
            negative_prompt=negative,
            width=drawing.width,
            height=drawing.height,
            num_inference_steps=drawing.steps,
            guidance_scale=drawing.guidance,
            generator=torch.Generator("cpu").manual_seed(drawing.seed),
        ).images[0]
    )
    return picture
