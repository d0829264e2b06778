"""What the product asks of an image model: one picture, said completely. Plain Python: no Django, no model library.

Prompts arrive parsed (apps.images.grammar): a model library sees texts and weights, never the syntax. Steps count
from 1, as in prompt schedules; those of a second pass count on from `Drawing.steps`, however many the first pass did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from apps.runtimes.contracts import Picture

Mask = npt.NDArray[np.uint8]  # shape (height, width); 255 is painted anew, 0 is kept
AdapterKind = Literal["lora", "textual_inversion", "controlnet", "ip_adapter", "upscaler"]


class Stopped(Exception):
    """The caller does not want the picture any more; raised by `on_step` and passed through."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """A piece of a prompt and its weight, 1.0 as written; `is_break` begins a new chunk of 75 tokens, without text."""

    text: str
    weight: float = 1.0
    is_break: bool = False


@dataclass(frozen=True, slots=True)
class PromptStage:
    """What the prompt says up to and with the step `until_step`."""

    until_step: int
    spans: tuple[Weighted, ...]


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One part of a prompt composed with AND, and how much it counts."""

    stages: tuple[PromptStage, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA for one picture. `key` names it within the pipeline: letters, digits and _ ("lora_" and its id)."""

    key: str
    path: str  # of the folder or .safetensors file
    weight: float  # of the denoiser
    text_weight: float  # of the text encoder


@dataclass(frozen=True, slots=True)
class TokenUse:
    """A learnt word (textual inversion): `token` stands for the vectors of the file."""

    token: str
    path: str


@dataclass(frozen=True, slots=True)
class ControlUse:
    """What a ControlNet folder is shown. `start` and `end` are fractions of the steps."""

    path: str
    picture: Picture  # the map itself, such as edges
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0


@dataclass(frozen=True, slots=True)
class ImagePromptUse:
    """An IP-Adapter and the picture that it is shown beside the prompt. `path` is of the adapter's file or folder."""

    path: str
    picture: Picture
    scale: float = 0.6


@dataclass(frozen=True, slots=True)
class Hires:
    """A second pass over the enlarged picture: `scale` times as large, begun at `strength` of the noise.

    `upscaler` is "latent", "lanczos", or "network": then `network` enlarges.
    """

    scale: float
    steps: int
    strength: float
    upscaler: Literal["latent", "lanczos", "network"] = "latent"
    network: "Upscaler | None" = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture. `width` and `height` in pixels, multiples of 8; `clip_skip` as AUTOMATIC1111 counts: 1 skips none.

    With `source` it is drawn over (image to image) at `strength` 0..1; with `mask` too, only where the mask is white.
    `variation_seed` is mixed into the first noise by `variation_strength` 0..1 (spherical interpolation).
    """

    positive: tuple[PromptPart, ...]
    negative: tuple[PromptStage, ...]
    width: int
    height: int
    steps: int
    guidance: float
    seed: int
    sampler: str = "dpmpp_2m"  # a key of apps.images.grammar.samplers.SAMPLERS
    schedule: str = "automatic"  # a key of SCHEDULES there
    clip_skip: int = 1
    variation_seed: int | None = None
    variation_strength: float = 0.0
    source: Picture | None = None
    strength: float = 0.75
    mask: Mask | None = None
    mask_blur: int = 4
    hires: Hires | None = None
    loras: tuple[LoraUse, ...] = ()
    tokens: tuple[TokenUse, ...] = ()
    control: ControlUse | None = None
    image_prompt: ImagePromptUse | None = None


def final_size(drawing: Drawing) -> tuple[int, int]:
    """Return the width and height of the finished picture: enlarged by `hires`, in multiples of 8."""
    scale = drawing.hires.scale if drawing.hires else 1.0
    return 8 * round(drawing.width * scale / 8), 8 * round(drawing.height * scale / 8)


@dataclass(frozen=True, slots=True)
class Progress:
    """A step is done. `steps` are those of all passes; `preview` is a small coarse picture, None where not wanted."""

    step: int
    steps: int
    preview: Picture | None = None


OnStep = Callable[[Progress], None]


class ImageModel(Protocol):
    """Draws pictures, one at a time: calls of several threads wait for each other.

    The same drawing on a CPU gives the same bytes; nothing of one drawing (adapters, words, interrupts) outlives it.
    """

    name: str
    is_busy: bool

    def draw(self, drawing: Drawing, on_step: OnStep) -> Picture:
        """Return the picture. `on_step` is called after each step and may raise Stopped. Raises RuntimeFailure."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`, without the special ones."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


class Upscaler(Protocol):
    """Enlarges pictures by a network, in tiles; the same picture gives the same bytes.

    It has no `close`: whoever was handed one may use it to the end, also where the registry let it go meanwhile.
    """

    name: str
    is_busy: bool
    factor: int  # by which the network itself enlarges, such as 4

    def upscale(self, picture: Picture, scale: float, on_step: OnStep) -> Picture:
        """Return the picture `scale` times as large. `on_step` is called after each tile and may raise Stopped."""
        ...
