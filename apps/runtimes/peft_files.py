"""Rewrites a LoRA that PEFT saved as one file with the names of diffusers, which image models load.

PEFT keeps the strength (alpha ÷ rank) in adapter_config.json; here it is multiplied into the weights, so that nothing
but the file is needed.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from apps.runtimes.adapter_files import Unsupported
from apps.runtimes.contracts import FileRefused
from apps.runtimes.inspection import CONTENT, read_header, read_json

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
CONVERTED = "converted.safetensors"
_PREFIX = "base_model.model."
_PARTS = {  # what a name begins with, after PEFT's own prefix → the part of the pipeline
    "unet": ("down_blocks.", "mid_block.", "up_blocks.", "conv_in.", "conv_out.", "time_embedding."),
    "text_encoder": ("text_model.", "encoder.layers."),
}


@dataclass(frozen=True, slots=True)
class PeftPart:
    """One PEFT folder: of the denoiser or of the text encoder."""

    folder: Path
    part: str
    strength: float  # alpha ÷ rank


def parts_of(folder: Path) -> list[PeftPart]:
    """Return the PEFT folders of a LoRA: the folder itself, or "unet" and "text_encoder" in it. [] : it is none.

    Raises FileRefused, Unsupported.
    """
    candidates = (folder, folder / "unet", folder / "text_encoder")
    return [_part(each) for each in candidates if (each / CONFIG).is_file() and (each / WEIGHTS).is_file()]


def _part(folder: Path) -> PeftPart:
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise Unsupported(CONFIG, "PEFT without LoRA")
    if config.get("use_dora") or config.get("rank_pattern") or config.get("alpha_pattern"):
        raise Unsupported(CONFIG, "LoRA with DoRA or with ranks of several kinds")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or not isinstance(alpha, int | float) or rank < 1:
        raise FileRefused(CONTENT, CONFIG, f"{CONFIG} is garbled.")
    strength = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return PeftPart(folder, _part_named(folder / WEIGHTS), strength)


def _part_named(path: Path) -> str:
    header, _start = read_header(path)
    names = [name.removeprefix(_PREFIX) for name in header if name != "__metadata__"]
    for part, beginnings in _PARTS.items():
        if names and all(name.startswith(beginnings) for name in names):
            return part
    raise Unsupported(path.name, "LoRA of another model than one that draws")


def convert(folder: Path) -> Path:
    """Write the folder's PEFT files as one file of diffusers' names; return it. Raises FileRefused."""
    from safetensors.torch import load_file, save_file  # noqa: PLC0415 -- loads torch, which the web process lacks

    tensors = {}
    for part in parts_of(folder):
        for name, tensor in load_file(part.folder / WEIGHTS).items():
            plain = name.removeprefix(_PREFIX).replace(".default.", ".")
            is_up = plain.endswith("lora_B.weight")
            tensors[f"{part.part}.{plain}"] = tensor * part.strength if is_up else tensor
    target = folder / CONVERTED
    save_file(tensors, target, metadata={"format": "pt"})
    return target
