"""What a person wishes from the studio, as it is kept with the job and with each picture."""

from dataclasses import dataclass
from uuid import UUID

PLAIN_UPSCALERS = ("latent", "lanczos")  # of a second pass; any other name is an upscaler's of the catalogue


@dataclass(frozen=True, slots=True)
class LoraWish:
    """An adapter of the catalogue by name; weights -2 to 2, 0 without effect."""

    name: str
    weight: float = 1.0
    text_weight: float | None = None  # None: the same


@dataclass(frozen=True, slots=True)
class ControlWish:
    """A ControlNet of the catalogue by name, shown a map that `method` ("canny", or "none") makes of `picture`."""

    name: str
    picture: UUID
    method: str = "canny"
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0
    low: int = 100  # thresholds of Canny, 0..255
    high: int = 200


@dataclass(frozen=True, slots=True)
class ImagePromptWish:
    """An IP-Adapter of the catalogue by name, and the picture that it is shown beside the prompt."""

    name: str
    picture: UUID
    scale: float = 0.6  # 0 to 1


@dataclass(frozen=True, slots=True)
class HiresWish:
    """A second pass `scale` times as large."""

    scale: float = 2.0
    steps: int = 0  # 0: as many as the first
    strength: float = 0.6
    upscaler: str = "latent"  # or "lanczos", or the name of an upscaler of the catalogue


@dataclass(frozen=True, slots=True)
class AxisWish:
    """One axis of a grid: what varies, and its values as typed ("1-5 (+2)", "euler, ddim", …)."""

    kind: str
    values: str


@dataclass(frozen=True, slots=True)
class Order:
    """Everything that is set in the studio. Lengths in pixels; `seed` None: one is drawn at random and kept."""

    kind: str = "draw"  # ImageJob.Kind
    prompt: str = ""
    negative: str = ""
    model: str = ""  # AIModel.name; "": the team's default
    width: int = 512
    height: int = 512
    steps: int = 20
    guidance: float = 7.0
    sampler: str = "dpmpp_2m"
    schedule: str = "automatic"
    clip_skip: int = 1
    seed: int | None = None
    count: int = 1
    variation_seed: int | None = None
    variation_strength: float = 0.0
    source: UUID | None = None  # Picture
    mask: UUID | None = None  # Picture of the kind MASK, white is painted anew
    strength: float = 0.75
    mask_blur: int = 4
    outpaint: tuple[int, int, int, int] = (0, 0, 0, 0)  # added at the left, top, right and bottom
    upscale: float = 2.0  # of UPSCALE
    upscaler: str = "lanczos"  # or the name of an upscaler of the catalogue
    hires: HiresWish | None = None
    loras: tuple[LoraWish, ...] = ()
    control: ControlWish | None = None
    image_prompt: ImagePromptWish | None = None
    styles: tuple[str, ...] = ()
    axes: tuple[AxisWish, ...] = ()  # up to three: x, y, z
    is_combinatorial: bool = False  # `{a|b}` gives every variant instead of a random one
