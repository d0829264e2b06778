"""Trains the demonstration image model from nothing: pictures, tokenizer, text encoder, autoencoder, denoiser.

One thread and a seed for each part: on the same machine and version of torch the same weights come out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from apps.runtimes.diffusion.demo import autoencoder, denoiser, shapes, text_encoder
from apps.runtimes.diffusion.demo import tokenizer as tokens
from apps.runtimes.diffusion.demo.denoiser import Lessons, Term
from apps.runtimes.diffusion.demo.shapes import Example

# Each part draws its random numbers from a seed of its own: a change of one leaves the others as they are.
_AUTOENCODER, _TEXT_ENCODER, _DENOISER, _DECODER, _FURTHER = 0, 1_000, 1_002, 2_000, 3_000
_FIRST_TERM, _SECOND_TERM = Term(steps=4_800, learning_rate=1.5e-3), Term(steps=1_200, learning_rate=5e-4)

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is learnt from; the defaults take about half an hour of one core."""

    pictures: int = 10_000
    text_steps: int = 500
    autoencoder_steps: tuple[int, int] = (2_400, 350)
    decoder_steps: int = 400
    first_term: Term = _FIRST_TERM
    second_term: Term = _SECOND_TERM
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Parts:
    """The trained parts of the pipeline."""

    tokenizer: CLIPTokenizer
    encoder: CLIPTextModel
    autoencoder: AutoencoderKL
    denoiser: UNet2DConditionModel

    def pipeline(self) -> StableDiffusionPipeline:
        """Return the parts as a pipeline; there is nothing in its vocabulary that a safety checker could find."""
        return StableDiffusionPipeline(
            vae=self.autoencoder,
            text_encoder=self.encoder,
            tokenizer=self.tokenizer,
            unet=self.denoiser,
            scheduler=DPMSolverMultistepScheduler.from_config(denoiser.noise_schedule().config),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )


def train(effort: Effort, report: Report) -> Parts:
    """Return the trained parts."""
    torch.set_num_threads(1)
    examples = list(shapes.examples(effort.pictures, effort.seed))
    pictures = pictures_of(examples)
    report(f"{len(pictures):,} pictures drawn")
    tokenizer = tokens.learn(example.caption for example in examples)
    encoder = train_encoder(examples, tokenizer, effort, report)
    torch.manual_seed(effort.seed + _AUTOENCODER)
    coder = autoencoder.train(pictures, steps=effort.autoencoder_steps, report=report)
    lessons = lessons_of(examples, tokenizer, coder)
    torch.manual_seed(effort.seed + _DECODER)
    autoencoder.steady(coder, pictures, lessons.latents, steps=effort.decoder_steps, report=report)
    torch.manual_seed(effort.seed + _DENOISER)
    model = denoiser.train(denoiser.new(), lessons, encoder, effort.first_term, report)
    parts = Parts(tokenizer, encoder, coder, model)
    return replace(parts, denoiser=train_further(parts, effort, report))


def train_encoder(examples: list[Example], tokenizer: CLIPTokenizer, effort: Effort, report: Report) -> CLIPTextModel:
    """Return the text encoder of the captions."""
    torch.manual_seed(effort.seed + _TEXT_ENCODER)
    return text_encoder.train(examples, tokenizer, steps=effort.text_steps, report=report)


def train_further(parts: Parts, effort: Effort, report: Report) -> UNet2DConditionModel:
    """Return the denoiser after its second term, on fresh pictures, every other one carelessly told."""
    examples = list(shapes.examples(effort.pictures, effort.seed + _FURTHER))
    examples[::2] = [shapes.carelessly(example) for example in examples[::2]]
    lessons = lessons_of(examples, parts.tokenizer, parts.autoencoder)
    torch.manual_seed(effort.seed + _FURTHER)
    return denoiser.train(parts.denoiser, lessons, parts.encoder, effort.second_term, report)


def pictures_of(examples: list[Example]) -> Tensor:
    """Return the pictures, bytes of shape (n, 3, 64, 64)."""
    pixels = np.stack([shapes.draw(example.scene) for example in examples])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def lessons_of(examples: list[Example], tokenizer: CLIPTokenizer, coder: AutoencoderKL) -> Lessons:
    """Return what the denoiser learns from."""
    ids = tokens.encode(tokenizer, [example.caption for example in examples])
    weights = tokens.word_weights(tokenizer, ids, [example.weights for example in examples])
    return Lessons(autoencoder.encode(coder, pictures_of(examples)), ids, weights, tokens.encode(tokenizer, [""]))


def save(parts: Parts, folder: Path) -> None:
    """Write the pipeline in half precision, as diffusers' folder."""
    parts.pipeline().to(dtype=torch.float16).save_pretrained(folder, safe_serialization=True)
