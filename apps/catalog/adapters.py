"""Adapters and checkpoints of image models: recognised by content, described, and matched to the models they fit."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from apps.catalog import errors
from apps.catalog.cards import Card, card_of
from apps.catalog.findings import SPARE_BYTES, Findings
from apps.catalog.models import AIModel
from apps.runtimes import peft_files
from apps.runtimes.adapter_files import (
    FAMILIES,
    IMAGE_ENCODER,
    Facts,
    Unsupported,
    controlnet_width,
    facts_of,
    image_encoder_width,
)
from apps.runtimes.contracts import FileRefused

RUNTIME = "diffusers"
UPSCALING = "spandrel"  # the runtime of upscalers
TILE_BYTES = 512 * 1024 * 1024  # that an upscaler works in, beside its weights
LONGEST_TOKEN = 40
_NO_TOKEN = re.compile(r"[^\w<>-]+")


def fits(adapter: AIModel, model: AIModel) -> bool:
    """Return whether an adapter was made for models of this shape; True where the files do not tell."""
    widths = {int(each.capabilities.get("width") or 0) for each in (adapter, model)}
    return adapter.adapter == AIModel.Adapter.UPSCALER or 0 in widths or len(widths) == 1


def judged(folder: Path, files: Sequence[Path]) -> Findings | None:
    """Return what a folder of an adapter or a lone checkpoint is; None where it is neither. Raises ModelRefused."""
    try:
        return _controlnet(folder, files) or _peft(folder, files) or _weights(folder, files)
    except Unsupported as error:
        raise errors.CannotRun(file=error.file[:120], what=error.what) from error
    except FileRefused as error:
        raise errors.Garbled(file=error.file[:120]) from error


def _controlnet(folder: Path, files: Sequence[Path]) -> Findings | None:
    if not (folder / "config.json").is_file():
        return None
    width = controlnet_width(folder)
    if width is None:
        return None
    if not any(path.suffix == ".safetensors" for path in files):
        raise errors.NotAModel(file=folder.name)
    return _findings(folder, files, Facts("controlnet", width=width), path=folder)


def _peft(folder: Path, files: Sequence[Path]) -> Findings | None:
    parts = peft_files.parts_of(folder)
    if not parts:
        return None
    known = [facts_of(part.folder / peft_files.WEIGHTS) for part in parts]
    loras = [each for each in known if each is not None and each.kind == "lora" and each.naming == "peft"]
    if len(loras) != len(parts):
        raise errors.NotAModel(file=folder.name)
    facts = max(loras, key=lambda each: each.width)
    return _findings(folder, files, facts, path=folder / peft_files.CONVERTED)


def prepare(model: AIModel, folder: Path) -> None:
    """Write what the runtime needs beside the files as they came: a LoRA of PEFT under the names of diffusers."""
    if model.adapter == AIModel.Adapter.LORA and model.path.endswith(f"/{peft_files.CONVERTED}"):
        peft_files.convert(folder)


def _weights(folder: Path, files: Sequence[Path]) -> Findings | None:
    """Return what a single file of weights is."""
    top = [path for path in files if path.suffix == ".safetensors" and path.parent == folder]
    if len(top) != 1 or (folder / "config.json").exists():
        return None
    facts = facts_of(top[0])
    if facts is None:
        return None
    if facts.kind == "lora" and facts.naming == "peft":
        raise errors.CannotRun(file=top[0].name, what="LoRA of PEFT without adapter_config.json")
    if facts.kind == "ip_adapter":
        _check_image_encoder(top[0], facts)
    if facts.kind == "upscaler" and find_spec("spandrel") is None:
        raise errors.CannotRun(file=top[0].name, what="upscaler (the package spandrel is not installed)")
    return _findings(folder, files, facts, path=top[0])


def _check_image_encoder(adapter: Path, facts: Facts) -> None:
    """Raise ImageEncoderMissing unless the encoder that an IP-Adapter was trained with may lie beside it."""
    which, wanted = facts.encoder
    width = image_encoder_width(adapter.parent / IMAGE_ENCODER, which)
    if width is None:
        raise errors.ImageEncoderMissing(file=adapter.name)
    if width != wanted:
        raise errors.ImageEncoderOther(file=adapter.name, wanted=wanted, found=width)


def lone_checkpoint(folder: Path, files: Sequence[Path]) -> Path | None:
    """Return the checkpoint that lies in a folder with its settings, None for a folder with weights for each part."""
    top = [path for path in files if path.suffix == ".safetensors" and path.parent == folder]
    facts = facts_of(top[0]) if len(top) == 1 else None
    return top[0] if facts is not None and facts.kind == "checkpoint" else None


def _findings(folder: Path, files: Sequence[Path], facts: Facts, *, path: Path) -> Findings:
    size = sum(each.stat().st_size for each in files)
    notes, card = facts.notes or {}, card_of(folder)
    is_checkpoint = facts.kind == "checkpoint"
    return Findings(
        kind=AIModel.Kind.IMAGE if is_checkpoint else AIModel.Kind.ADAPTER,
        runtime=UPSCALING if facts.kind == "upscaler" else RUNTIME,
        path=path.relative_to(settings.MODELS_DIR).as_posix(),
        title=(notes.get("title") or folder.name)[:120],
        size_bytes=size,
        memory_bytes=_memory(facts, size),
        licence=(card.licence or notes.get("licence", ""))[:80],
        languages=card.languages,
        card=_card(card, facts),
        capabilities=_capabilities(facts),
        adapter="" if is_checkpoint else str(facts.kind),
        token=_token(facts, path) if facts.kind == "textual_inversion" else "",
    )


def _memory(facts: Facts, size: int) -> int:
    """Return the bytes that are taken once it is loaded; numbers of half precision take twice as much on a CPU."""
    if facts.kind == "checkpoint":
        return size * 2 + SPARE_BYTES
    return size * 2 + TILE_BYTES if facts.kind == "upscaler" else size


def _token(facts: Facts, path: Path) -> str:
    """Return the word in prompts: the file's own, or the file's name, as AUTOMATIC1111 has it."""
    return facts.token[:LONGEST_TOKEN] or _NO_TOKEN.sub("-", path.stem).strip("-")[:LONGEST_TOKEN]


def _capabilities(facts: Facts) -> dict[str, object]:
    found: dict[str, object] = {"width": facts.width, "family": FAMILIES.get(facts.width, "")}
    more = {"naming": facts.naming, "rank": facts.rank, "vectors": facts.vectors, "triggers": list(facts.triggers)}
    return found | {name: value for name, value in more.items() if value}


def _card(card: Card, facts: Facts) -> str:
    """Return the card that lies in the folder, or one of what the file itself says."""
    if card.text:
        return card.text
    notes = facts.notes or {}
    lines = [_escaped(notes["description"])] if notes.get("description") else []
    if facts.triggers:
        lines.append(_("Words it was trained with: %(words)s.") % {"words": _escaped(", ".join(facts.triggers))})
    if notes.get("base"):
        lines.append(_("Made for: %(model)s.") % {"model": _escaped(notes["base"])})
    if notes.get("author"):
        lines.append(_("By %(author)s.") % {"author": _escaped(notes["author"])})
    return "\n\n".join(lines)


def _escaped(text: str) -> str:
    """Return foreign text so that markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~-])", r"\\\1", text)
