"""Settings of pictures in the reader's words: what a cell of a grid differs in, and the card of one picture."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.images.grammar.grids import PROMPT_SR, Axis, AxisValue
from apps.images.grammar.samplers import SAMPLERS, SCHEDULES
from apps.images.models import ImageJob
from apps.images.orders import Order
from apps.images.setting_names import labels

Kind = ImageJob.Kind
MINUTE_S = 60
LONGEST = 60  # characters of a value in a caption


def plain(value: float) -> str:
    """Return a number as people write it: 20, 7.5."""
    return str(number_format(int(value) if float(value).is_integer() else value))


def time_of(seconds: float) -> str:
    """Return a time as people say it: "8 s", "3 min"."""
    if seconds < 1.5 * MINUTE_S:
        return _("%(n)s s") % {"n": max(1, round(seconds))}
    return _("%(n)s min") % {"n": round(seconds / MINUTE_S)}


def axis_kinds() -> list[tuple[str, str]]:
    """Return what an axis of a grid can vary, by the keys of images.grammar.grids."""
    return [
        ("steps", _("Steps")),
        ("guidance", _("Guidance")),
        ("sampler", _("Sampler")),
        ("schedule", _("Noise schedule")),
        ("seed", _("Seed")),
        ("prompt_sr", _("Word of the prompt")),
        ("strength", pgettext("how much of the source", "Change")),
        ("variation_strength", _("Variation")),
        ("lora_weight", _("Weight of the adapter")),
        ("style", _("Style")),
        ("model", _("Model")),
        ("size", _("Size")),
        ("clip_skip", _("Clip skip")),
    ]


def caption(axes: Sequence[Axis], entry: Mapping[str, Any]) -> str:
    """Return where a picture stands in its grid: "Steps 10 · Guidance 7"; empty outside of one."""
    named = dict(axis_kinds())
    places = zip(axes, entry.get("cell") or (), strict=False)
    return " · ".join(_at(named, axis.kind, axis.values[at]) for axis, at in places)


def _at(named: Mapping[str, str], kind: str, value: AxisValue) -> str:
    """Return one value of an axis with its name; words that replace others speak for themselves."""
    text = value_of(kind, value)
    return text if kind == PROMPT_SR else f"{named.get(kind, '')} {text}".strip()


def value_of(name: str, value: Any) -> str:
    """Return a setting's value as a short text."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return str(value) if name.endswith("seed") else plain(value)
    if isinstance(value, list | tuple):
        return ", ".join(value_of(name, each) for each in value)
    if isinstance(value, Mapping):
        return " ".join(value_of(name, each) for each in value.values() if each is not None)
    return label_of(name, str(value))[:LONGEST]


def label_of(name: str, key: str) -> str:
    """Return what a sampler or noise schedule is called; other names are their own label."""
    if name == "sampler" and key in SAMPLERS:
        return SAMPLERS[key].label
    return SCHEDULES[key].label if name == "schedule" and key in SCHEDULES else key


def name_of_order(order: Order) -> str:
    """Return what draws an order whose model's row is gone."""
    return order.model or _("Lanczos")


def facts_of(order: Order) -> list[tuple[str, str]]:
    """Return the settings of one picture for its card, in the order in which they are read."""
    named = labels()
    return [(named[name], text) for name, make in _FACTS.items() if (text := make(order))]


def _sampled(make: Callable[[Order], str]) -> Callable[[Order], str]:
    return lambda order: "" if order.kind == Kind.UPSCALE else make(order)


def _schedule(order: Order) -> str:
    return "" if order.schedule == "automatic" else label_of("schedule", order.schedule)


def _loras(order: Order) -> str:
    return ", ".join(f"{lora.name} {plain(lora.weight)}" for lora in order.loras)


def _hires(order: Order) -> str:
    hires = order.hires
    return f"× {plain(hires.scale)}, {plain(hires.strength)}, {hires.upscaler}" if hires else ""


def _control(order: Order) -> str:
    return f"{order.control.name} {plain(order.control.scale)}" if order.control else ""


def _image_prompt(order: Order) -> str:
    return f"{order.image_prompt.name} {plain(order.image_prompt.scale)}" if order.image_prompt else ""


def _outpaint(order: Order) -> str:
    return " ".join(map(str, order.outpaint)) if any(order.outpaint) else ""


_FACTS: Mapping[str, Callable[[Order], str]] = {
    "seed": _sampled(lambda order: "" if order.seed is None else str(order.seed)),
    "steps": _sampled(lambda order: str(order.steps)),
    "guidance": _sampled(lambda order: plain(order.guidance)),
    "sampler": _sampled(lambda order: label_of("sampler", order.sampler)),
    "schedule": _sampled(_schedule),
    "clip_skip": _sampled(lambda order: str(order.clip_skip) if order.clip_skip > 1 else ""),
    "strength": _sampled(lambda order: plain(order.strength) if order.source else ""),
    "loras": _loras,
    "hires": _hires,
    "control": _control,
    "image_prompt": _image_prompt,
    "outpaint": _outpaint,
    "variation_strength": lambda order: plain(order.variation_strength) if order.variation_strength else "",
    "variation_seed": lambda order: str(order.variation_seed) if order.variation_seed is not None else "",
    "upscale": lambda order: f"× {plain(order.upscale)}" if order.kind == Kind.UPSCALE else "",
    "upscaler": lambda order: order.upscaler if order.kind == Kind.UPSCALE else "",
}
