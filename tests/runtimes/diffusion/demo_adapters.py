"""Files of small random adapters that fit the demonstration model, strong enough to be seen in a picture."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file

from tests.runtimes.diffusion import tiny_ip_adapter, tiny_upscaler


def save_lora(unet: UNet2DConditionModel, path: Path) -> None:
    """Write a LoRA of rank 4, in diffusers' names."""
    torch.manual_seed(1)
    unet.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    state = get_peft_model_state_dict(unet)
    save_file({f"unet.{name}": torch.randn_like(each) * 0.2 for name, each in state.items()}, path)


def save_word(unet: UNet2DConditionModel, path: Path) -> None:
    """Write a learnt word of two vectors."""
    torch.manual_seed(2)
    save_file({"emb_params": torch.randn(2, unet.config["cross_attention_dim"])}, path)


def save_control(unet: UNet2DConditionModel, folder: Path) -> None:
    """Write a ControlNet that adds something: the blocks that join it to the model begin as zeros."""
    torch.manual_seed(3)
    control = ControlNetModel.from_unet(unet)
    for block in control.controlnet_down_blocks:
        torch.nn.init.normal_(block.weight, std=0.3)
    control.save_pretrained(folder, safe_serialization=True)


def save_upscaler(_unet: UNet2DConditionModel, path: Path) -> None:
    """Write a network that doubles the sides."""
    tiny_upscaler.save(path, tiny_upscaler.compact())


SAVERS: Mapping[str, Callable[[UNet2DConditionModel, Path], object]] = {
    "lora": save_lora,
    "word": save_word,
    "control": save_control,
    "image_prompt": lambda unet, folder: tiny_ip_adapter.save(folder, unet),
    "upscaler": save_upscaler,
}


def save_all(model: Path, files: Mapping[str, Path]) -> None:
    """Write the adapters for the pipeline in the folder `model`, by the keys of SAVERS to these paths."""
    for kind, path in files.items():
        SAVERS[kind](UNet2DConditionModel.from_pretrained(model / "unet"), path)
