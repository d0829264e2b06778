"""The denoiser of the demonstration model: a small UNet on 8×8 latents that reads the frozen text encoder's states.

It predicts velocity (Salimans and Ho 2022): unlike the noise's, its loss does not vanish where noise is strongest, and
there the colours are decided. On 16×16 latents a step costs eight times as much.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTextModel

from apps.runtimes.diffusion.demo.palette import TEXT_WIDTH
from apps.runtimes.diffusion.demo.text_encoder import emphasise

_BATCH = 32
_UNTOLD = 0.1  # the share of pictures shown without caption, for classifier-free guidance (Ho and Salimans 2022)
_EMA_DECAY = 0.998

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Latents (n, 4, 8, 8), the token ids and token weights of their captions (n, 77), and the ids of no caption."""

    latents: Tensor
    ids: Tensor
    weights: Tensor
    silence: Tensor


@dataclass(frozen=True, slots=True)
class Term:
    """A course of lessons: how many steps, and the highest learning rate."""

    steps: int
    learning_rate: float


def noise_schedule() -> DDPMScheduler:
    """Return the schedule of training: Stable Diffusion's with a louder end, so that pictures start from pure noise."""
    return DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.02,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
        prediction_type="v_prediction",
    )


def new() -> UNet2DConditionModel:
    """Return a denoiser that knows nothing."""
    return UNet2DConditionModel(
        sample_size=8,
        layers_per_block=1,
        block_out_channels=(48, 96),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def train(
    model: UNet2DConditionModel, lessons: Lessons, encoder: CLIPTextModel, term: Term, report: Report
) -> UNet2DConditionModel:
    """Return the moving average of the model over a term; the model itself is changed."""
    steps = term.steps
    model.train().requires_grad_(requires_grad=True)
    average = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
    noise_levels = noise_schedule()
    optimizer = torch.optim.AdamW(model.parameters(), term.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, term.learning_rate, total_steps=steps, pct_start=0.05)
    mean_loss = 1.0
    for step in range(steps):
        chosen = torch.randint(0, len(lessons.latents), (_BATCH,))
        latents, states = lessons.latents[chosen], _read(lessons, encoder, chosen)
        noise = torch.randn_like(latents)
        times = torch.randint(0, noise_levels.config.num_train_timesteps, (_BATCH,))
        predicted = model(noise_levels.add_noise(latents, noise, times), times, states).sample
        loss = functional.mse_loss(predicted, noise_levels.get_velocity(latents, noise, times))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        _follow(average, model, step)
        mean_loss += 0.02 * (loss.item() - mean_loss)
        if step % 250 == 0 or step == steps - 1:
            report(f"denoiser {step + 1}/{steps}: loss {mean_loss:.4f}")
    return average


@torch.no_grad()
def _read(lessons: Lessons, encoder: CLIPTextModel, chosen: Tensor) -> Tensor:
    """Return the weighted hidden states of the chosen captions, some of them kept silent."""
    untold = (torch.rand(len(chosen)) < _UNTOLD)[:, None]
    ids = torch.where(untold, lessons.silence, lessons.ids[chosen])
    weights = torch.where(untold, 1.0, lessons.weights[chosen])
    return emphasise(encoder(ids).last_hidden_state, weights)


@torch.no_grad()
def _follow(average: UNet2DConditionModel, model: UNet2DConditionModel, step: int) -> None:
    """Move the average towards the model, faster at first."""
    decay = min(_EMA_DECAY, (1 + step) / (10 + step))
    for kept, new in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(new, 1 - decay)
