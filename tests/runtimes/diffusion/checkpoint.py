"""Writes a pipeline as one file with the names of CompVis' latent diffusion, as checkpoints are passed around."""

import re
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

RESNET = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("time_emb_proj", "emb_layers.1"),
    ("conv_shortcut", "skip_connection"),
)
ENDS = (
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
    ("mid_block.resnets.0", "middle_block.0"),
    ("mid_block.attentions.0", "middle_block.1"),
    ("mid_block.resnets.1", "middle_block.2"),
)


def save_checkpoint(pipeline: Any, path: Path) -> Path:
    """Write the file and return its path."""
    tensors = {f"model.diffusion_model.{unet_name(k)}": v for k, v in pipeline.unet.state_dict().items()}
    tensors |= {f"first_stage_model.{vae_name(k)}": v for k, v in pipeline.vae.state_dict().items()}
    text = {k.removeprefix("text_model."): v for k, v in pipeline.text_encoder.state_dict().items()}
    tensors |= {f"cond_stage_model.transformer.text_model.{k}": v for k, v in text.items()}
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, path)
    return path


def unet_name(name: str) -> str:
    """Return the old name of a tensor of a UNet with one layer per block."""
    for new, old in ENDS:
        if name.startswith(f"{new}."):
            name = name.replace(new, old, 1)
    name = re.sub(r"down_blocks\.(\d)\.(resnets|attentions)\.0", lambda m: f"input_blocks.{place(m, 1)}", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0\.conv", lambda m: f"input_blocks.{2 * int(m[1]) + 2}.0.op", name)
    name = re.sub(
        r"up_blocks\.(\d)\.(resnets|attentions)\.(\d)",
        lambda m: f"output_blocks.{2 * int(m[1]) + int(m[3])}.{int(m[2] == 'attentions')}",
        name,
    )
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"output_blocks.{2 * int(m[1]) + 1}.1", name)
    if re.match(r"(input|output)_blocks\.\d+\.0\.|middle_block\.[02]\.", name):
        for new, old in RESNET:
            name = name.replace(f".{new}.", f".{old}.")
    return name


def place(match: re.Match[str], offset: int) -> str:
    return f"{2 * int(match[1]) + offset}.{int(match[2] == 'attentions')}"


def vae_name(name: str) -> str:
    """Return the old name of a tensor of an autoencoder with four blocks."""
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{3 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    return name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")


def without_weights(pipeline: Any, folder: Path) -> Path:
    """Write the settings of a pipeline's parts and its tokenizer alone."""
    pipeline.save_pretrained(folder, safe_serialization=True)
    for weights in folder.glob("*/*.safetensors"):
        weights.unlink()
    return folder
