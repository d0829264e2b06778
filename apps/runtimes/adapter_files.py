"""Tells what a safetensors file of an image model is, by the names and shapes of its tensors. Loads no tensor.

LoRAs by kohya's names ("lora_unet_…"), those of diffusers ("unet.….lora_A.weight") and PEFT's ("base_model.model.…");
learnt words (textual inversion); IP-Adapters; upscalers; whole checkpoints of Stable Diffusion.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from apps.runtimes.contracts import FileRefused
from apps.runtimes.drawing import AdapterKind
from apps.runtimes.inspection import CONTENT, read_header, read_json

Shape = tuple[int, ...]
Naming = Literal["kohya", "diffusers", "peft", ""]
FAMILIES = {768: "sd1", 1024: "sd2", 2048: "sdxl"}  # by the width of the text states that the denoiser reads
MOST_VECTORS = 128  # of a learnt word
MOST_TRIGGERS = 20
_WIDTHS = range(16, 8_193)
_DOWN = re.compile(r"[._](lora_A|lora_down|lora\.down|lora_linear_layer\.down)(\.default)?\.weight$")
_UP = re.compile(r"[._](lora_B|lora_up|lora\.up|lora_linear_layer\.up)(\.default)?\.weight$")
_READS_TEXT = re.compile(r"attn2[._](processor\.)?to_k")
_KOHYA = ("lora_unet_", "lora_te_", "lora_te1_", "lora_te2_")
_DIFFUSERS = ("unet.", "text_encoder.", "text_encoder_2.")
_PEFT = "base_model.model."
_NO_LORA = {  # what diffusers does not load, or not as it was trained
    "hada_w1_a": "LyCORIS (LoHa)",
    "lokr_w1": "LyCORIS (LoKr)",
    "oft_blocks": "OFT",
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "lora_mid": "LyCORIS (CP)",
}
_TRANSFORMERS = (
    "transformer.",
    "diffusion_model.",
    "lora_unet_double_blocks",
    "lora_unet_joint_blocks",
    "lora_transformer_",
)
IMAGE_ENCODER = "image_encoder"  # the folder beside an IP-Adapter with the CLIP model that reads pictures for it
_IMAGE_READERS = {  # by a name that only this kind of IP-Adapter has: what takes in which width of the image encoder
    "image_proj.proj.weight": ("image_proj.proj.weight", "projection_dim"),
    "image_proj.latents": ("image_proj.proj_in.weight", "hidden_size"),  # "Plus": reads patches
    "image_proj.proj.3.weight": ("image_proj.proj.0.weight", "hidden_size"),  # "Full Face": the same
}
_UPSCALERS = (  # a name that only networks of this kind have, as spandrel knows them
    re.compile(r"^(model\.1\.sub|RRDB_trunk)\.\d+\.RDB1\.conv1"),  # ESRGAN, old
    re.compile(r"^body\.\d+\.rdb1\.conv1\.weight$"),  # Real-ESRGAN
    re.compile(r"^layers\.\d+\.(residual_group\.)?blocks\.\d+\."),  # SwinIR, HAT, DAT
    re.compile(r"^block_1\.c1_r\.(sk|eval_conv)\."),  # SPAN
    re.compile(r"^unet2\.conv1\."),  # Real-CUGAN
    re.compile(r"^residual_layer\.\d+\.residual_layer\."),  # OmniSR
)
_COMPACT = re.compile(r"^body\.\d+\.(weight|bias)$")  # Real-ESRGAN compact has nothing else
_LEAST_COMPACT = 8


class Unsupported(FileRefused):
    """A file that is in order, of a kind that nothing here runs; `what` names the kind."""

    def __init__(self, file: str, what: str) -> None:
        super().__init__(CONTENT, file, f"{file} is of the kind {what}, which cannot be run.")
        self.what = what


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file is. `width` is that of the text states it was made for, 0 where it does not tell."""

    kind: AdapterKind | Literal["checkpoint"]
    width: int = 0
    naming: Naming = ""
    rank: int = 0  # of a LoRA
    vectors: int = 0  # of a learnt word
    token: str = ""  # its own word, where the file names one
    encoder: tuple[str, int] = ("", 0)  # of an IP-Adapter: which width of its image encoder it reads, and how wide
    triggers: tuple[str, ...] = ()  # words that it was trained with
    notes: Mapping[str, str] | None = None  # title, author, licence and base as the file's metadata have them

    @property
    def family(self) -> str:
        """Return "sd1", "sd2", "sdxl" or "" for others."""
        return FAMILIES.get(self.width, "")


def facts_of(path: Path) -> Facts | None:
    """Return what a safetensors file is; None for nothing that is known here. Raises FileRefused, Unsupported."""
    header, _start = read_header(path)
    metadata = header.pop("__metadata__", {})
    shapes = _shapes(path.name, header)
    for judge in (_checkpoint, _lora, _ip_adapter, _controlnet, _learnt_word, _upscaler):
        found = judge(path.name, shapes)
        if found is not None:
            return _with_notes(found, metadata if isinstance(metadata, dict) else {})
    return None


def _shapes(file: str, header: Mapping[str, Any]) -> dict[str, Shape]:
    try:
        return {name: tuple(int(each) for each in entry["shape"]) for name, entry in header.items()}
    except (TypeError, KeyError, ValueError):
        raise FileRefused(CONTENT, file, f"{file} is garbled.") from None


def _checkpoint(_file: str, shapes: Mapping[str, Shape]) -> Facts | None:
    if not _has(shapes, "model.diffusion_model.input_blocks.") or not _has(shapes, "first_stage_model."):
        return None
    keys = [name for name in shapes if _READS_TEXT.search(name) and name.endswith(".weight")]
    return Facts("checkpoint", width=shapes[keys[0]][-1] if keys else 0)


def _has(names: Iterable[str], *prefixes: str) -> bool:
    return any(name.startswith(prefixes) for name in names)


def _lora(file: str, shapes: Mapping[str, Shape]) -> Facts | None:
    for part, what in _NO_LORA.items():
        if any(part in name for name in shapes):
            raise Unsupported(file, what)
    downs = [name for name in shapes if _DOWN.search(name)]
    if not downs or not any(_UP.search(name) for name in shapes):
        return None
    if _has(shapes, *_TRANSFORMERS):
        raise Unsupported(file, "LoRA of a transformer (Flux, SD3)")
    reading = next((name for name in downs if _READS_TEXT.search(name)), "")
    return Facts(
        "lora",
        width=_second(shapes[reading]) if reading else 0,
        naming=_naming(file, shapes),
        rank=max(shapes[name][0] for name in downs if shapes[name]),
    )


def _second(shape: Shape) -> int:
    return shape[1] if len(shape) > 1 else 0


def _naming(file: str, names: Iterable[str]) -> Naming:
    """Return whose names they are; all must be of one kind, else a part would be left out in silence."""
    known: tuple[tuple[Naming, tuple[str, ...]], ...] = (
        ("kohya", _KOHYA),
        ("diffusers", _DIFFUSERS),
        ("peft", (_PEFT,)),
    )
    for naming, prefixes in known:
        if all(name.startswith(prefixes) for name in names):
            return naming
    raise Unsupported(file, "LoRA with other names")


def _ip_adapter(file: str, shapes: Mapping[str, Shape]) -> Facts | None:
    if not (_has(shapes, "image_proj.") and _has(shapes, "ip_adapter.")):
        return None
    keys = [name for name in shapes if name.endswith("to_k_ip.weight")]
    readers = [reader for name, reader in _IMAGE_READERS.items() if name in shapes and reader[0] in shapes]
    if not readers or not keys or any(".to_q_lora." in name for name in shapes):
        raise Unsupported(file, "IP-Adapter without a CLIP image encoder, such as FaceID")
    tensor, which = readers[0]
    return Facts("ip_adapter", width=_second(shapes[keys[0]]), encoder=(which, _second(shapes[tensor])))


def _controlnet(file: str, shapes: Mapping[str, Shape]) -> None:
    """Raise Unsupported for a ControlNet outside a folder: its configuration would have to be guessed."""
    if _has(shapes, "control_model.", "controlnet_cond_embedding.", "input_hint_block."):
        raise Unsupported(file, "ControlNet without its config.json")


def _learnt_word(file: str, shapes: Mapping[str, Shape]) -> Facts | None:
    if set(shapes) == {"clip_l", "clip_g"}:
        raise Unsupported(file, "SDXL embedding")
    if len(shapes) != 1:
        return None
    ((name, shape),) = shapes.items()
    rows = shape if len(shape) == 2 else (1, *shape)  # noqa: PLR2004 -- (vectors, width)
    if len(rows) != 2 or rows[1] not in _WIDTHS or not 0 < rows[0] <= MOST_VECTORS:  # noqa: PLR2004 -- the same
        return None
    token = name if re.fullmatch(r"<[^<>\s]{1,38}>", name) else ""
    return Facts("textual_inversion", width=rows[1], vectors=rows[0], token=token)


def _upscaler(_file: str, shapes: Mapping[str, Shape]) -> Facts | None:
    is_compact = len(shapes) >= _LEAST_COMPACT and all(_COMPACT.match(name) for name in shapes)
    if is_compact or any(marker.match(name) for marker in _UPSCALERS for name in shapes):
        return Facts("upscaler")
    return None


_NOTES = {
    "title": ("modelspec.title", "ss_output_name"),
    "author": ("modelspec.author",),
    "licence": ("modelspec.license",),
    "base": ("ss_sd_model_name", "ss_base_model_version", "modelspec.architecture"),
    "description": ("modelspec.description", "ss_training_comment"),
}
LONGEST_NOTE = 600


def _with_notes(facts: Facts, metadata: Mapping[str, Any]) -> Facts:
    notes = {}
    for name, keys in _NOTES.items():
        values = (_line(metadata.get(key)) for key in keys)
        notes[name] = next((value for value in values if value), "")
    told = {name: value for name, value in notes.items() if value}
    return replace(facts, triggers=_triggers(metadata), notes=told)


def _line(value: Any) -> str:
    """Return a foreign text as one short line; "None" is what kohya writes for nothing."""
    if not isinstance(value, str) or value == "None":
        return ""
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())[:LONGEST_NOTE]


def _triggers(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words that the training's captions had most often, or those that the file names."""
    named = _line(metadata.get("modelspec.trigger_phrase"))
    if named:
        return tuple(each.strip() for each in named.split(",") if each.strip())[:MOST_TRIGGERS]
    counts: dict[str, int] = {}
    try:
        folders = json.loads(str(metadata.get("ss_tag_frequency", "{}")))
        for tags in folders.values():
            for tag, count in tags.items():
                counts[_line(tag)] = counts.get(_line(tag), 0) + int(count)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ()
    return tuple(sorted((tag for tag in counts if tag), key=lambda tag: -counts[tag])[:MOST_TRIGGERS])


def controlnet_width(folder: Path) -> int | None:
    """Return the text width of a ControlNet folder of diffusers, None where it is none. Raises FileRefused."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or config.get("_class_name") != "ControlNetModel":
        return None
    return width_in(config)


def image_encoder_width(folder: Path, which: str) -> int | None:
    """Return "projection_dim" or "hidden_size" of the CLIP vision model in a folder; None where there is none.

    Raises FileRefused.
    """
    config = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    if not isinstance(config, dict) or "CLIPVisionModelWithProjection" not in (config.get("architectures") or ()):
        return None
    width = config.get(which)
    return width if isinstance(width, int) and any(folder.glob("*.safetensors")) else None


def pipeline_width(folder: Path) -> int:
    """Return the text width that the denoiser of a diffusers folder reads; 0 where it does not say."""
    path = folder / "unet" / "config.json"
    config = read_json(path) if path.is_file() else {}
    return width_in(config) if isinstance(config, dict) else 0


def width_in(config: Mapping[str, Any]) -> int:
    """Return `cross_attention_dim` of a configuration, 0 where it has none."""
    value = config.get("cross_attention_dim")
    if isinstance(value, list) and value:
        value = value[-1]
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
