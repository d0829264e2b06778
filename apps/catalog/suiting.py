"""What suits an image model: the size, steps, guidance and sampler that it draws well with."""

from collections.abc import Mapping
from typing import TypedDict

from apps.catalog.models import AIModel
from apps.runtimes.diffusion.demo import palette

SIDES: Mapping[str, int] = {"sd1": 512, "sd2": 768, "sdxl": 1024}  # pixels that each family was trained on
STEPS, GUIDANCE, SAMPLER = 20, 7.0, "dpmpp_2m"


class Suits(TypedDict):
    """The settings by their names; `side` of a square in pixels."""

    side: int
    steps: int
    guidance: float
    sampler: str


def is_demo(model: AIModel) -> bool:
    """Return whether a model is the demonstration's, which knows coloured shapes only."""
    return bool(model.capabilities.get("demonstration"))


def suits(model: AIModel) -> Suits:
    """Return what the model's capabilities say, and for the rest what its family was trained on."""
    told = model.capabilities
    if is_demo(model):
        side, steps, guidance = palette.PICTURE_SIZE, palette.STEPS, palette.GUIDANCE
    else:
        side, steps, guidance = SIDES.get(str(told.get("family") or ""), SIDES["sd1"]), STEPS, GUIDANCE
    return {
        "side": int(told.get("side") or side),
        "steps": int(told.get("steps") or steps),
        "guidance": float(told.get("guidance") or guidance),
        "sampler": str(told.get("sampler") or SAMPLER),
    }
