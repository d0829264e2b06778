"""An IP-Adapter of random weights for the tiny model or another, with the CLIP vision encoder that it reads."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

TOKENS = 4  # that a picture becomes, in an adapter of the first kind
PROJECTED, HIDDEN = 24, 64  # widths of the encoder


def save(folder: Path, unet: Any, *, is_plus: bool = False) -> str:
    """Write adapter and encoder as they are published; return the path of the adapter's file."""
    torch.manual_seed(4)
    width = unet.config.cross_attention_dim
    reader = _plus(width) if is_plus else _plain(width)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ip-adapter.safetensors"
    save_file({f"image_proj.{name}": tensor for name, tensor in reader.items()} | _attention(unet, width), path)
    CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=HIDDEN,
            intermediate_size=32,
            projection_dim=PROJECTED,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            initializer_factor=5.0,
        )
    ).save_pretrained(folder / "image_encoder", safe_serialization=True)
    return str(path)


def _plain(width: int) -> dict[str, Tensor]:
    return {
        "proj.weight": torch.randn(TOKENS * width, PROJECTED),
        "proj.bias": torch.randn(TOKENS * width),
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }


def _plus(width: int) -> dict[str, Tensor]:
    """Return a resampler of four layers with one head of 64 each, as all have."""
    inner = 64
    layers = {f"layers.{number}.{name}": made for number in range(4) for name, made in _layer(inner).items()}
    return layers | {
        "latents": torch.randn(1, 3, inner),
        "proj_in.weight": torch.randn(inner, HIDDEN),
        "proj_in.bias": torch.zeros(inner),
        "proj_out.weight": torch.randn(width, inner) / 8,
        "proj_out.bias": torch.zeros(width),
        "norm_out.weight": torch.ones(width),
        "norm_out.bias": torch.zeros(width),
    }


def _layer(inner: int) -> dict[str, Tensor]:
    norms = {f"0.norm{number}.{kind}": torch.ones(inner) for number in (1, 2) for kind in ("weight", "bias")}
    return norms | {
        "0.to_q.weight": torch.randn(inner, inner) / 8,
        "0.to_kv.weight": torch.randn(2 * inner, inner) / 8,
        "0.to_out.weight": torch.randn(inner, inner) / 8,
        "1.0.weight": torch.ones(inner),
        "1.0.bias": torch.zeros(inner),
        "1.1.weight": torch.randn(4 * inner, inner) / 8,
        "1.3.weight": torch.randn(inner, 4 * inner) / 16,
    }


def _attention(unet: Any, width: int) -> dict[str, Tensor]:
    """Return keys and values of each cross-attention; published files number them 1, 3, 5 and so on."""
    names = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    made = {}
    for number, name in enumerate(names):
        inner = unet.get_submodule(name.removesuffix(".processor")).to_k.weight.shape[0]
        for part in ("to_k_ip", "to_v_ip"):
            made[f"ip_adapter.{2 * number + 1}.{part}.weight"] = torch.randn(inner, width)
    return made
