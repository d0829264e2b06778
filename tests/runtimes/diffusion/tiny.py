"""A Stable Diffusion of random weights, small enough to be made in a test: right in every shape, and knows nothing."""

import string
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from apps.runtimes.drawing import Drawing, Progress, PromptPart, PromptStage, Weighted

SPECIAL = ("<|startoftext|>", "<|endoftext|>")
WORDS = ("red", "blue", "green", "circle", "square")


def tokenizer() -> CLIPTokenizer:
    """Return a tokenizer that knows five words and spells the others."""
    letters = [*string.printable.strip()]
    merges, pieces = [], []
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            merges.append((parts[0], parts[1]))
            parts = [parts[0] + parts[1], *parts[2:]]
            pieces.append(parts[0])
    merges, pieces = list(dict.fromkeys(merges)), list(dict.fromkeys(pieces))
    names = dict.fromkeys([*letters, *(letter + "</w>" for letter in letters), *pieces, *SPECIAL])
    return CLIPTokenizer(vocab={name: number for number, name in enumerate(names)}, merges=merges, model_max_length=77)


def pipeline() -> StableDiffusionPipeline:
    """Return the same pipeline always."""
    torch.manual_seed(1)
    words = tokenizer()
    made = StableDiffusionPipeline(
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(8, 8, 8, 8),
            layers_per_block=1,
            norm_num_groups=4,
            mid_block_add_attention=False,
            scaling_factor=0.5,
        ).eval(),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(words),
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=3,
                num_attention_heads=2,
                max_position_embeddings=77,
                projection_dim=16,
                bos_token_id=words.bos_token_id,
                eos_token_id=words.eos_token_id,
                pad_token_id=words.eos_token_id,
                initializer_factor=5.0,
            )
        ).eval(),
        tokenizer=words,
        unet=UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(16, 32),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=16,
            attention_head_dim=4,
            norm_num_groups=8,
        ).eval(),
        scheduler=DDPMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    # A real encoder's states have a mean that is not 0; weighting divides by it.
    torch.nn.init.constant_(made.text_encoder.final_layer_norm.bias, 0.5)
    return made


def save(folder: Path) -> Path:
    """Write the pipeline as diffusers does and return the folder."""
    pipeline().save_pretrained(folder, safe_serialization=True)
    return folder


def new_control(unet: Any) -> ControlNetModel:
    """Return a ControlNet that was just begun: it adds nothing."""
    return ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 4, 8))


def said(*spans: Weighted | str, until: int = 999) -> PromptStage:
    """Return a stage that says this."""
    return PromptStage(until, tuple(Weighted(span) if isinstance(span, str) else span for span in spans))


def drawing(text: str = "red circle", negative: str = "", **more: Any) -> Drawing:
    """Return a drawing of 64 by 48 pixels in five steps."""
    settings = {
        "positive": (PromptPart((said(text),)),),
        "negative": (said(negative),),
        "width": 64,
        "height": 48,
        "steps": 5,
        "guidance": 3.0,
        "seed": 7,
    }
    return Drawing(**(settings | more))  # type: ignore[arg-type]  # a test names what it changes


def ignore(_: Progress) -> None:
    """Look at no step."""
