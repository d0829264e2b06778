"""What a lone checkpoint does not say: the settings of its family's parts, and CLIP's tokenizer; never fetched."""

import gzip
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

from apps.runtimes.adapter_files import facts_of

_FOLDER = Path(__file__).parent / "families"
_END_OF_WORD = "</w>"
_FIRST, _LAST = "<|startoftext|>", "<|endoftext|>"
_MAX_TOKENS = 77


def settings_of(checkpoint: Path) -> Path | None:
    """Return the folder with the settings of a checkpoint's family; None for a family that is not shipped."""
    facts = facts_of(checkpoint)
    folder = _FOLDER / facts.family if facts is not None and facts.family else None
    return folder if folder is not None and folder.is_dir() else None


def tokenizers_of(settings: Path) -> dict[str, Any]:
    """Return the tokenizers that a family of this folder reads with; none where the folder has its own."""
    if settings.parent != _FOLDER:
        return {}
    own = {"tokenizer": clip_tokenizer(_LAST)}
    return own | {"tokenizer_2": clip_tokenizer("!")} if (settings / "text_encoder_2").is_dir() else own


def clip_tokenizer(padding: str) -> CLIPTokenizer:
    """Return CLIP's tokenizer; Stable Diffusion pads with the last token, the second encoder of SDXL with "!"."""
    merges: Any = list(_merges())
    letters = _alphabet()
    names = [*letters, *(letter + _END_OF_WORD for letter in letters), *map("".join, merges), _FIRST, _LAST]
    return CLIPTokenizer(
        vocab={name: number for number, name in enumerate(names)},
        merges=merges,
        pad_token=padding,
        model_max_length=_MAX_TOKENS,
    )


@cache
def _merges() -> tuple[tuple[str, str], ...]:
    lines = gzip.decompress((_FOLDER / "clip_merges.txt.gz").read_bytes()).decode().splitlines()
    return tuple((first, second) for first, _, second in (line.partition(" ") for line in lines))


def _alphabet() -> list[str]:
    """Return the 256 letters that stand for bytes, in CLIP's order: bytes that print, then the others, renamed."""
    letters = ByteLevel.alphabet()
    printing = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    first = [chr(number) for number in printing]
    return first + sorted(set(letters) - set(first))
