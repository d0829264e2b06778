"""A Stable Diffusion XL of random weights: two text encoders, pooled states, sizes told to the denoiser."""

from pathlib import Path

import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.runtimes.diffusion import tiny


def pipeline() -> StableDiffusionXLPipeline:
    """Return the same pipeline always."""
    base = tiny.pipeline()
    torch.manual_seed(2)
    words = base.tokenizer
    config = CLIPTextConfig(
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
    return StableDiffusionXLPipeline(
        vae=base.vae,
        text_encoder=CLIPTextModel(config).eval(),
        text_encoder_2=CLIPTextModelWithProjection(config).eval(),
        tokenizer=words,
        tokenizer_2=tiny.tokenizer(),
        unet=UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(16, 32),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 2),
            projection_class_embeddings_input_dim=64,
            norm_num_groups=8,
        ).eval(),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
    )


def save(folder: Path) -> Path:
    """Write the pipeline as diffusers does and return the folder."""
    pipeline().save_pretrained(folder, safe_serialization=True)
    return folder
