"""From an order for one picture to what the image model is asked for: prompts parsed, names made paths, pictures read.

Everything is brought to the size of the drawing here; a model library sees pixels, texts and weights alone.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
import numpy.typing as npt
from PIL import Image

from apps.catalog.models import AIModel
from apps.catalog.specs import path_of
from apps.images.models import ImageJob
from apps.images.ordering import drawn_size
from apps.images.orders import PLAIN_UPSCALERS, ControlWish, HiresWish, ImagePromptWish, LoraWish, Order
from apps.images.planning import with_loras_read
from apps.images.prompting import negative_of, positive_of
from apps.runtimes.contracts import Picture as Pixels
from apps.runtimes.drawing import (
    ControlUse,
    Drawing,
    Hires,
    ImagePromptUse,
    LoraUse,
    Mask,
    TokenUse,
    Upscaler,
)

Kind = ImageJob.Kind
OUTPAINT_OVERLAP = 8  # pixels of the old picture along the seam that are painted anew


@dataclass(frozen=True, slots=True)
class Found:
    """What an order names, found: adapters by kind and name, learnt words of the model, pixels by picture."""

    adapters: Mapping[tuple[str, str], AIModel] = field(default_factory=dict)
    words: Sequence[AIModel] = ()
    pixels: Mapping[UUID, Pixels] = field(default_factory=dict)


def drawing_of(order: Order, found: Found, network: Upscaler | None = None) -> Drawing:
    """Return the drawing of an order for one picture, whose seed is fixed. Raises PromptError.

    `network` is what enlarges for the second pass where the order names an upscaler of the catalogue.
    """
    order = with_loras_read(order)
    assert order.seed is not None
    width, height = drawn_size(replace(order, hires=None))  # of the first pass
    source, mask = _source(order, found, (width, height))
    return Drawing(
        positive=positive_of(order),
        negative=negative_of(order),
        width=width,
        height=height,
        steps=order.steps,
        guidance=order.guidance,
        seed=order.seed,
        sampler=order.sampler,
        schedule=order.schedule,
        clip_skip=order.clip_skip,
        variation_seed=order.variation_seed,
        variation_strength=order.variation_strength,
        source=source,
        strength=order.strength,
        mask=mask,
        mask_blur=order.mask_blur,
        hires=None if order.hires is None else _hires(order.hires, order.steps, network),
        loras=tuple(_lora(wish, found) for wish in order.loras),
        tokens=_tokens(order, found.words),
        control=None if order.control is None else _control(order.control, found, (width, height)),
        image_prompt=None if order.image_prompt is None else _image_prompt(order.image_prompt, found),
    )


def _hires(wish: HiresWish, steps: int, network: Upscaler | None) -> Hires:
    upscaler = wish.upscaler if wish.upscaler in PLAIN_UPSCALERS else "network"
    return Hires(wish.scale, wish.steps or steps, wish.strength, upscaler, network)  # type: ignore[arg-type]


def _lora(wish: LoraWish, found: Found) -> LoraUse:
    adapter = found.adapters[AIModel.Adapter.LORA.value, wish.name]
    text_weight = wish.weight if wish.text_weight is None else wish.text_weight
    return LoraUse(f"lora_{adapter.pk.hex}", str(path_of(adapter)), wish.weight, text_weight)


def _tokens(order: Order, words: Sequence[AIModel]) -> tuple[TokenUse, ...]:
    """Return the learnt words that stand in the prompts."""
    text = f"{order.prompt}\n{order.negative}"
    return tuple(TokenUse(word.token, str(path_of(word))) for word in words if word.token and word.token in text)


def _control(wish: ControlWish, found: Found, size: tuple[int, int]) -> ControlUse:
    pixels = resized(found.pixels[wish.picture], size)
    shown = canny(pixels, wish.low, wish.high) if wish.method == "canny" else pixels
    adapter = found.adapters[AIModel.Adapter.CONTROLNET.value, wish.name]
    return ControlUse(str(path_of(adapter)), shown, wish.scale, wish.start, wish.end)


def _image_prompt(wish: ImagePromptWish, found: Found) -> ImagePromptUse:
    adapter = found.adapters[AIModel.Adapter.IP_ADAPTER.value, wish.name]
    return ImagePromptUse(str(path_of(adapter)), found.pixels[wish.picture], wish.scale)


def canny(pixels: Pixels, low: int, high: int) -> Pixels:
    """Return the edges of a picture, white on black, shape (height, width, 3)."""
    import cv2  # noqa: PLC0415 -- the web process imports this module too, and few of its requests ask for edges

    edges = cv2.Canny(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), low, high)
    return np.repeat(np.asarray(edges, np.uint8)[..., None], 3, axis=2)


def edges_png(pixels: Pixels, low: int, high: int) -> bytes:
    """Return the edges of a picture as the bytes of a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(canny(pixels, low, high)).save(buffer, "PNG")
    return buffer.getvalue()


def _source(order: Order, found: Found, size: tuple[int, int]) -> tuple[Pixels | None, Mask | None]:
    """Return what is drawn over, and where, both of the drawing's size."""
    if order.kind == Kind.DRAW or order.source is None:
        return None, None
    pixels = found.pixels[order.source]
    if order.kind == Kind.OUTPAINT:
        return _outpainted(order, resized(pixels, (order.width, order.height)))
    mask = None
    if order.kind == Kind.INPAINT and order.mask is not None:
        mask = resized(found.pixels[order.mask], size)[..., 0]
    return resized(pixels, size), mask


def _outpainted(order: Order, pixels: Pixels) -> tuple[Pixels, Mask]:
    """Return the enlarged canvas, its new parts filled from the nearest edge, and the mask of what is new."""
    left, top, right, bottom = order.outpaint
    canvas: Pixels = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="edge")
    mask: npt.NDArray[np.uint8] = np.full(canvas.shape[:2], 255, np.uint8)
    height, width = pixels.shape[:2]
    inner = [edge + (OUTPAINT_OVERLAP if edge else 0) for edge in (left, top)]
    outer = [
        edge + side - (OUTPAINT_OVERLAP if new else 0)
        for edge, side, new in ((left, width, right), (top, height, bottom))
    ]
    mask[inner[1] : outer[1], inner[0] : outer[0]] = 0
    return canvas, mask


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return the picture at (width, height): what does not fit its proportions is cut off around the middle."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    scale = max(size[0] / width, size[1] / height)
    image = Image.fromarray(pixels).resize(
        (max(size[0], round(width * scale)), max(size[1], round(height * scale))), Image.Resampling.LANCZOS
    )
    left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
    return np.asarray(image.crop((left, top, left + size[0], top + size[1])), np.uint8).copy()


def upscaler_of(order: Order, found: Found) -> AIModel | None:
    """Return the upscaler of the catalogue that the order enlarges by; None for what needs no network."""
    hires = order.hires.upscaler if order.hires else ""
    name = order.upscaler if order.kind == Kind.UPSCALE else hires
    return found.adapters.get((AIModel.Adapter.UPSCALER.value, name))


def enlarged(pixels: Pixels, scale: float) -> Pixels:
    """Return the picture enlarged by Lanczos."""
    height, width = pixels.shape[:2]
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), np.uint8).copy()
