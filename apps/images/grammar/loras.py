"""LoRAs named in a prompt: `<lora:name:0.7>`, `<lora:name:te:unet>`, `<lora:name:te=0.5:unet=1>`.

Reference cases: media.md 53 to 56 (Fooocus' tests for the limit and what a malformed tag is; executed AUTOMATIC1111
for the two weights). A tag whose numbers cannot be read, or of another kind, stays in the text as it was written;
`<lyco:…>`, upstream's other name of the same, is read too.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.images.grammar.errors import require_length

LORA_LIMIT = 5
_TAG = re.compile(r"<(?:lora|lyco):([^:<>]+)((?::[^:<>]*)*)>")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_SPACE = " \t"
_TIGHT = ",.;:)]|"  # signs before which a removed tag leaves no space


@dataclass(frozen=True, slots=True)
class LoraRef:
    """A LoRA by the name a person gave it, and its weights on the text encoder and on the UNet."""

    name: str
    text_encoder: float = 1.0
    unet: float = 1.0

    @property
    def tag(self) -> str:
        """Return how a prompt names it."""
        weights = [self.unet] if self.unet == self.text_encoder else [self.text_encoder, self.unet]
        return f"<lora:{self.name}:{':'.join(f'{weight:g}' for weight in weights)}>"


@dataclass(frozen=True, slots=True)
class LoraPrompt:
    """A prompt without its tags; the LoRAs to use; and those that were too many.

    `unread` are tags that look like a LoRA's but were left in the text, so that a page can say so.
    """

    text: str
    loras: tuple[LoraRef, ...]
    dropped: tuple[LoraRef, ...] = ()
    unread: tuple[str, ...] = ()


def names_loras(text: str) -> bool:
    """Return whether a prompt holds anything like a LoRA's tag: only then need it be read."""
    return _TAG.search(text) is not None


def read_loras(text: str, *, chosen: Sequence[LoraRef] = (), limit: int = LORA_LIMIT) -> LoraPrompt:
    """Return the prompt without tags and at most `limit` LoRAs: those `chosen` on the page first, then the prompt's.

    A name counts once, the first time: what was chosen on the page is not overridden by the prompt.
    """
    require_length(text)
    found: dict[str, LoraRef] = {}
    for lora in chosen:
        found.setdefault(lora.name, lora)
    pieces: list[str] = []
    unread: list[str] = []
    end = 0
    for tag in _TAG.finditer(text):
        ref = _reference(tag.group(1), tag.group(2))
        if ref is None:
            unread.append(tag.group())
            continue
        found.setdefault(ref.name, ref)
        pieces.append(text[end : tag.start()])
        end = tag.end()
    loras = tuple(found.values())
    return LoraPrompt(_closed_up([*pieces, text[end:]]), loras[:limit], loras[limit:], tuple(unread))


def _reference(name: str, arguments: str) -> LoraRef | None:
    """Return the LoRA that a tag names; None where it cannot be read."""
    positional: list[float] = []
    named: dict[str, float] = {}
    for argument in arguments.split(":")[1:]:
        key, equals, value = argument.rpartition("=")
        if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
            return None
        if equals:
            named[key.strip()] = float(value)
        else:
            positional.append(float(value))
    if not name.strip() or len(positional) > 2 or not named.keys() <= {"te", "unet"}:  # noqa: PLR2004
        return None
    text_encoder = named.get("te", positional[0] if positional else 1.0)
    unet = named.get("unet", positional[1] if len(positional) > 1 else text_encoder)
    return LoraRef(name.strip(), text_encoder, unet)


def _closed_up(pieces: Sequence[str]) -> str:
    """Join what stood around the tags, without the doubled spaces and commas that they would leave."""
    text = pieces[0]
    for right in pieces[1:]:
        left, tail = text.rstrip(_SPACE), right.lstrip(_SPACE)
        is_apart = left != text or tail != right
        if tail.startswith(",") and (not left or left[-1] in ",\n"):
            tail = tail[1:].lstrip(_SPACE)
            is_apart = True
        glue = " " if is_apart and left and tail and left[-1] != "\n" and tail[0] not in _TIGHT + "\n" else ""
        text = left + glue + tail
    return text if len(pieces) == 1 else text.strip().removesuffix(",").rstrip()
