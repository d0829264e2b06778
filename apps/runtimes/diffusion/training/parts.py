"""The parts of a Stable Diffusion pipeline as training uses them, and what it computes with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.training import Example


@dataclass(frozen=True, slots=True)
class Parts:
    """A model's own copy for training. Everything is frozen; learners add what learns, and take it away again."""

    name: str
    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    noise: DDPMScheduler

    @property
    def device(self) -> torch.device:
        """Return where the weights are."""
        return torch.device(self.unet.device)


def parts_of(name: str, pipeline: Any) -> Parts:
    """Return the frozen parts of a pipeline. Raises RuntimeFailure for another kind than Stable Diffusion 1 and 2."""
    needed = ("unet", "vae", "text_encoder", "tokenizer")
    if getattr(pipeline, "text_encoder_2", None) is not None or not all(hasattr(pipeline, each) for each in needed):
        raise RuntimeFailure(f"Adapters can be trained for Stable Diffusion 1 and 2 only; {name} is another kind.")
    for each in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        each.float()  # on every device: gradients of halves vanish
        each.requires_grad_(requires_grad=False)
        each.eval()
    noise = DDPMScheduler.from_config(pipeline.scheduler.config)
    return Parts(name, pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.tokenizer, noise)


@torch.no_grad()
def latents_of(parts: Parts, examples: Sequence[Example]) -> Tensor:
    """Return the latents of the pictures, shape (n, channels, height ÷ 8, width ÷ 8): the means, one by one."""
    found = []
    for example in examples:
        pixels = torch.tensor(np.asarray(example.picture)).permute(2, 0, 1)[None]
        signal = pixels.to(parts.device, parts.vae.dtype).div(127.5).sub(1)
        found.append(parts.vae.encode(signal).latent_dist.mean * parts.vae.config.scaling_factor)
    return torch.cat(found).float().cpu()


def ids_of(tokenizer: Any, captions: Sequence[str]) -> Tensor:
    """Return the token ids of captions, shape (n, 77); what is longer is cut off."""
    found = tokenizer(
        list(captions),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    return torch.as_tensor(found.input_ids)


def ids_alone(tokenizer: Any, text: str) -> list[int]:
    """Return the token ids of a text, without the special ones."""
    return [int(each) for each in tokenizer(text, add_special_tokens=False).input_ids]


def states_of(parts: Parts, ids: Tensor) -> Tensor:
    """Return what the denoiser reads of token ids, shape (n, 77, width)."""
    return torch.as_tensor(parts.text_encoder(ids.to(parts.device))[0])


def losses_of(parts: Parts, latents: Tensor, states: Tensor, generator: torch.Generator) -> Tensor:
    """Return the mean squared error of each picture at a random noise level, shape (n,)."""
    noise = torch.randn(latents.shape, generator=generator)
    times = torch.randint(0, int(parts.noise.config.num_train_timesteps), (len(latents),), generator=generator)
    noisy = parts.noise.add_noise(latents, noise, times)
    target = parts.noise.get_velocity(latents, noise, times) if _is_velocity(parts) else noise
    predicted: Tensor = parts.unet(noisy.to(parts.device), times.to(parts.device), states).sample
    return (predicted - target.to(parts.device)).square().mean(dim=(1, 2, 3))


def _is_velocity(parts: Parts) -> bool:
    kind = parts.noise.config.prediction_type
    if kind not in {"epsilon", "v_prediction"}:
        raise RuntimeFailure(f"The model {parts.name} predicts {kind!r}, which cannot be trained.")
    return bool(kind == "v_prediction")
