"""A Stable Diffusion that was never trained, small enough that a training step takes milliseconds."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.demo import tokenizer as tokens
from apps.runtimes.training import Course, Example

WORDS = "a red pink circle square on white black background"
SIDE = 32


def pipeline(prediction: str = "epsilon") -> Any:
    torch.manual_seed(7)
    tokenizer = tokens.learn([WORDS])
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    unet = UNet2DConditionModel(
        sample_size=4,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 8, 8),
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=SIDE,
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(prediction_type=prediction, clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write(folder: Path, prediction: str = "epsilon") -> Path:
    pipeline(prediction).save_pretrained(folder, safe_serialization=True)
    return folder


def picture(number: int) -> Picture:
    return np.random.default_rng(number).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)


def course(method: Any = "lora", **changes: Any) -> Course:
    caption = "a <pinky> circle" if method == "textual_inversion" else "a pink circle"
    given: dict[str, Any] = {
        "method": method,
        "examples": tuple(Example(picture(number), caption) for number in range(3)),
        "steps": 6,
        "learning_rate": 1e-2,
        "seed": 5,
        "batch": 2,
        "rank": 2,
    }
    if method == "textual_inversion":
        given |= {"token": "<pinky>", "initial": "red", "vectors": 2}
    if method == "dreambooth_lora":
        given |= {"priors": tuple(Example(picture(number + 9), "a circle") for number in range(2))}
    return Course(**given | changes)
