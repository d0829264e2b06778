"""Orders as JSON, and whether one may be drawn here: each setting against its range, names against what there is."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from apps.images.errors import (
    BadSetting,
    EmptyPrompt,
    NotMultiple,
    OutOfRange,
    SourceNeeded,
    TooLarge,
    TooManyPictures,
)
from apps.images.grammar import samplers
from apps.images.grammar.errors import PROMPT_CHARS, require_length
from apps.images.limits import GRID, Limits
from apps.images.models import ImageJob
from apps.images.orders import AxisWish, ControlWish, HiresWish, ImagePromptWish, LoraWish, Order

Kind = ImageJob.Kind
DRAWABLE = (Kind.DRAW, Kind.REDRAW, Kind.INPAINT, Kind.OUTPAINT, Kind.UPSCALE)
MAX_SEED = 2**32 - 1
MAX_AXES = 3
MAX_AXIS_CHARS = 500
RANGES: Mapping[str, tuple[float, float]] = {
    "guidance": (0, 30),
    "clip_skip": (1, 12),
    "seed": (0, MAX_SEED),
    "variation_seed": (0, MAX_SEED),
    "variation_strength": (0, 1),
    "strength": (0, 1),
    "mask_blur": (0, 64),
    "upscale": (1, 4),
}
_ORDER = TypeAdapter(Order)
_PARTS: Mapping[str, type] = {
    "hires": HiresWish,
    "loras": LoraWish,
    "control": ControlWish,
    "image_prompt": ImagePromptWish,
    "axes": AxisWish,
}


def order_to_json(order: Order) -> dict[str, Any]:
    """Return the order as JSON values, each field by its name."""
    found: dict[str, Any] = _ORDER.dump_python(order, mode="json")
    return found


def order_from_json(data: object) -> Order:
    """Return the order that the values say; what they leave out is as in `Order`. Raises BadSetting, SourceNeeded.

    Nothing but the fields of `Order` is taken: an id, a team or an owner among them is refused (security case 15).
    """
    _refuse_unknown(data, Order, "")
    try:
        return _ORDER.validate_python(data)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(str(step) for step in wrong["loc"])
        raise (SourceNeeded if _is_unset_picture(wrong) else BadSetting)(field=field) from None


def _is_unset_picture(wrong: ErrorDetails) -> bool:
    return wrong["loc"][-1:] == ("picture",) and wrong["input"] is None


def _refuse_unknown(data: object, kind: type, place: str) -> None:
    if not isinstance(data, Mapping):
        raise BadSetting(field=place.rstrip(".") or "order")
    known = {field.name for field in fields(kind)}
    for name, value in data.items():
        if name not in known:
            raise BadSetting(field=f"{place}{name}"[:80])
        if kind is Order and name in _PARTS and value is not None:
            for part in value if isinstance(value, list | tuple) else (value,):
                _refuse_unknown(part, _PARTS[name], f"{name}.")


def validated(order: Order, limits: Limits) -> Order:
    """Return the order with its names as we write them. Raises an AppError that names what cannot be drawn here.

    Pictures, models and adapters that it names are not looked up: `planning` and `services` do.
    """
    if order.kind not in DRAWABLE:
        raise BadSetting(field="kind")
    _ranges(order)
    _texts(order)
    _sources(order)
    _size(order, limits)
    _parts(order, limits)
    if order.kind == Kind.UPSCALE:
        return order
    sampler, schedule = samplers.choose(order.sampler, order.schedule)
    return replace(order, sampler=sampler.key, schedule=schedule.key)


def check(field: str, value: float, least: float, most: float) -> None:
    """Raise OutOfRange unless `least` <= `value` <= `most`; NaN is out of every range."""
    if not least <= value <= most or math.isinf(value):
        raise OutOfRange(field=field, least=least, most=most)


def _ranges(order: Order) -> None:
    for field, (least, most) in RANGES.items():
        value = getattr(order, field)
        if value is not None:
            check(field, value, least, most)


def _texts(order: Order) -> None:
    for text in (order.prompt, order.negative):
        require_length(text)
    if order.kind == Kind.DRAW and not order.prompt.strip() and not order.styles:
        raise EmptyPrompt
    for field, value in order_to_json(order).items():
        if not _is_kept(value):
            raise BadSetting(field=field)


def _is_kept(value: Any) -> bool:
    """Return whether no text among JSON values holds a NUL, which no database takes, or is longer than a prompt."""
    if isinstance(value, Mapping):
        return all(map(_is_kept, value.values()))
    if isinstance(value, list):
        return all(map(_is_kept, value))
    return not isinstance(value, str) or ("\x00" not in value and len(value) <= PROMPT_CHARS)


def _sources(order: Order) -> None:
    if order.kind != Kind.DRAW and order.source is None:
        raise SourceNeeded(field="source")
    if order.kind == Kind.INPAINT and order.mask is None:
        raise SourceNeeded(field="mask")
    if order.kind == Kind.OUTPAINT and not any(order.outpaint):
        raise BadSetting(field="outpaint")


def _size(order: Order, limits: Limits) -> None:
    if order.kind == Kind.UPSCALE:
        return  # as large as its source; `services` holds the result to its limit
    check("steps", order.steps, 1, limits.max_steps)
    for field in ("width", "height"):
        side = getattr(order, field)
        check(field, side, limits.min_side, limits.max_side)
        if side % GRID:
            raise NotMultiple(field=field)
    for side in order.outpaint:
        check("outpaint", side, 0, limits.max_side)
        if side % GRID:
            raise NotMultiple(field="outpaint")
    width, height = drawn_size(order)
    if width * height > limits.max_pixels or max(width, height) > limits.max_side * 2:
        raise TooLarge(width=width, height=height, megapixels=limits.max_pixels / 1e6)


def drawn_size(order: Order) -> tuple[int, int]:
    """Return the size at which the model draws in its largest pass. Of an enlargement it is the source's."""
    width, height = order.width, order.height
    if order.kind == Kind.OUTPAINT:
        left, top, right, bottom = order.outpaint
        width, height = width + left + right, height + top + bottom
    if order.hires is None or order.kind == Kind.UPSCALE:
        return width, height
    return _on_grid(width * order.hires.scale), _on_grid(height * order.hires.scale)


def _on_grid(side: float) -> int:
    return int(side) // GRID * GRID


def _parts(order: Order, limits: Limits) -> None:
    check("count", order.count, 1, limits.max_count)
    check("loras", len(order.loras), 0, limits.max_loras)
    check("styles", len(order.styles), 0, limits.max_styles)
    check("axes", len(order.axes), 0, MAX_AXES)
    for lora in order.loras:
        check("loras.weight", lora.weight, -2, 2)
        check("loras.text_weight", lora.weight if lora.text_weight is None else lora.text_weight, -2, 2)
    for axis in order.axes:
        if len(axis.values) > MAX_AXIS_CHARS:
            raise BadSetting(field="axes.values")
    if order.hires is not None:
        if order.kind in {Kind.INPAINT, Kind.OUTPAINT}:  # no second pass keeps to a mask
            raise BadSetting(field="hires")
        _hires(order.hires, limits)
    if order.control is not None:
        _control(order.control)
    if order.image_prompt is not None:
        check("image_prompt.scale", order.image_prompt.scale, 0, 1)


def _hires(hires: HiresWish, limits: Limits) -> None:
    check("hires.scale", hires.scale, 1, 4)
    check("hires.steps", hires.steps, 0, limits.max_steps)
    check("hires.strength", hires.strength, 0, 1)
    if not hires.upscaler:
        raise BadSetting(field="hires.upscaler")


def _control(control: ControlWish) -> None:
    check("control.scale", control.scale, 0, 2)
    check("control.end", control.end, 0, 1)
    check("control.start", control.start, 0, control.end)
    check("control.low", control.low, 0, 255)
    check("control.high", control.high, control.low, 255)
    if control.method not in {"canny", "none"}:
        raise BadSetting(field="control.method")


def check_count(pictures: int, limits: Limits) -> None:
    """Raise TooManyPictures where an order would draw more than one may."""
    if pictures > limits.max_pictures:
        raise TooManyPictures(pictures=pictures, limit=limits.max_pictures)
