"""Draws with diffusers' own pipeline and nothing around it: how the demonstration model is judged while it is made."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from apps.runtimes.diffusion.demo import tokenizer as tokens
from apps.runtimes.diffusion.demo.measuring import Wish
from apps.runtimes.diffusion.demo.palette import GUIDANCE, PICTURE_SIZE, STEPS
from apps.runtimes.diffusion.demo.shapes import Pixels
from apps.runtimes.diffusion.demo.text_encoder import emphasise

_BATCH = 12


def load(folder: Path) -> StableDiffusionPipeline:
    """Return the pipeline that lies in a folder, ready to draw on a CPU."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


class RawDrawing:
    """Draws wishes with a pipeline, a few at a time; each picture has its own generator."""

    def __init__(self, pipeline: StableDiffusionPipeline, *, steps: int = STEPS, guidance: float = GUIDANCE) -> None:
        self._pipeline = pipeline
        self._steps = steps
        self._guidance = guidance

    def __call__(self, wishes: Sequence[Wish]) -> list[Pixels]:
        """Return a picture (64, 64, 3) for each wish."""
        starts = range(0, len(wishes), _BATCH)
        return [picture for start in starts for picture in self._draw(wishes[start : start + _BATCH])]

    @torch.no_grad()
    def _draw(self, wishes: Sequence[Wish]) -> Iterator[Pixels]:
        states = torch.cat([self._states(wish.pieces) for wish in wishes])
        images = self._pipeline(
            prompt_embeds=states,
            negative_prompt_embeds=self._states((("", 1.0),)).expand_as(states),
            num_inference_steps=self._steps,
            guidance_scale=self._guidance,
            height=PICTURE_SIZE,
            width=PICTURE_SIZE,
            generator=[torch.Generator().manual_seed(wish.seed) for wish in wishes],
        ).images
        return (np.asarray(image) for image in images)

    def _states(self, pieces: Sequence[tuple[str, float]]) -> Tensor:
        """Return the weighted hidden states of one prompt, shape (1, 77, width)."""
        tokenizer = self._pipeline.tokenizer
        ids, weights = [tokenizer.bos_token_id], [1.0]
        for text, weight in pieces:
            piece = tokenizer(text, add_special_tokens=False)["input_ids"]
            ids += piece
            weights += [weight] * len(piece)
        missing = tokens.MAX_TOKENS - len(ids)
        padded = torch.tensor([ids + [tokenizer.eos_token_id] * missing])
        states = self._pipeline.text_encoder(padded).last_hidden_state
        return emphasise(states, torch.tensor([weights + [1.0] * missing]))
