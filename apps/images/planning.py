"""From an order to its pictures: which seed, prompt and settings each one has, fixed once and kept with the job.

Grids come first, then styles, then dynamic prompts, then the count; a picture's entry says only what differs from the
order. LoRA tags stay in prompts, as other programs write them, and are read when a picture is drawn.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from apps.images.errors import BadSetting, UnknownStyle
from apps.images.grammar import dynamic, grids, samplers
from apps.images.grammar.grids import Axis, AxisValue
from apps.images.grammar.loras import LoraRef, names_loras, read_loras
from apps.images.grammar.styles import apply_styles
from apps.images.limits import Limits
from apps.images.models import ImageJob, Style
from apps.images.ordering import MAX_SEED, check_count, order_from_json, order_to_json
from apps.images.orders import LoraWish, Order

_FIELDS = frozenset(each.name for each in fields(Order))
_MANY_LORAS = 1_000  # more than any prompt has room for: how many are allowed is for `validated` to say
LOCKABLE = frozenset({
    "model", "width", "height", "steps", "guidance", "sampler", "schedule", "clip_skip", "strength", "hires", "loras",
})  # fmt: skip
Entry = Mapping[str, Any]  # fields of Order by name, and in a grid "cell": the place on each axis, from 0


@dataclass(frozen=True, slots=True)
class Words:
    """What a team's people may name in an order: styles by name, and word lists for wildcards."""

    styles: Mapping[str, Style] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order that may be drawn: with every name filled in, and what it makes."""

    order: Order
    entries: list[Entry]

    def orders(self) -> list[Order]:
        """Return the order of each picture."""
        return [order_of(self.order, entry) for entry in self.entries]


def single(order: Order) -> Order:
    """Return the order for one picture: what made several of it is used up."""
    return replace(order, count=1, axes=(), styles=(), is_combinatorial=False)


def plan(order: Order, words: Words, limits: Limits) -> list[Entry]:
    """Return what each picture differs in. A seed that was left open is drawn now.

    Raises TooManyPictures, UnknownStyle, BadSetting, and the errors of the grammar.
    """
    axes = [grids.read_axis(axis.kind, axis.values, limit=limits.max_pictures) for axis in order.axes]
    for axis in axes:
        if axis.kind == grids.PROMPT_SR:
            grids.require_search_word(axis, order.prompt, order.negative)
    seed = secrets.randbelow(MAX_SEED + 1) if order.seed is None else order.seed
    base = order_to_json(single(order))
    entries: list[Entry] = []
    for cell, varied in _cells(replace(order, seed=seed), axes, limits):
        for each in _pictures(_styled(varied, words), words, limits):
            entries.append(_difference(base, each, cell))
            check_count(len(entries), limits)
    return entries


def _difference(base: Mapping[str, Any], order: Order, cell: Sequence[int]) -> Entry:
    values = order_to_json(single(order))
    entry = {name: value for name, value in values.items() if value != base[name] or name == "seed"}
    return entry | {"cell": list(cell)} if cell else entry


def _cells(order: Order, axes: Sequence[Axis], limits: Limits) -> Iterator[tuple[tuple[int, ...], Order]]:
    """Yield the place and the order of each cell of the grid; of an order without axes itself alone."""
    if not axes:
        yield (), order
        return
    places = [Axis(axis.kind, tuple(range(len(axis.values)))) for axis in axes]
    for place in grids.expand(places, limit=limits.max_pictures):
        cell = tuple(int(each) for each in place)
        varied = order
        for axis, number in zip(axes, cell, strict=True):
            varied = _varied(varied, axis, axis.values[number])
        yield cell, varied


def _varied(order: Order, axis: Axis, value: AxisValue) -> Order:
    if axis.kind == grids.PROMPT_SR:
        return replace(
            order,
            prompt=grids.replaced(axis, value, order.prompt),
            negative=grids.replaced(axis, value, order.negative),
        )
    special = _SPECIAL.get(axis.kind)
    values: dict[str, Any] = {axis.kind: value}
    return special(order, value) if special else replace(order, **values)


def _with_hires_steps(order: Order, value: AxisValue) -> Order:
    if order.hires is None:
        raise BadSetting(field="axes.hires_steps")
    return replace(order, hires=replace(order.hires, steps=int(value)))


def _with_lora_weight(order: Order, value: AxisValue) -> Order:
    order = with_loras_read(order)
    if not order.loras:
        raise BadSetting(field="axes.lora_weight")
    return replace(order, loras=tuple(replace(lora, weight=float(value), text_weight=None) for lora in order.loras))


def _with_sampler(order: Order, value: AxisValue) -> Order:
    sampler, glued = samplers.split_label(str(value))
    return replace(order, sampler=sampler.key, schedule=glued.key if glued else order.schedule)


def _with_size(order: Order, value: AxisValue) -> Order:
    width, _x, height = str(value).lower().replace("×", "x").partition("x")
    if not (width.strip().isdecimal() and height.strip().isdecimal()):
        raise BadSetting(field="axes.size")
    return replace(order, width=int(width[:6]), height=int(height[:6]))


_SPECIAL: Mapping[str, Callable[[Order, AxisValue], Order]] = {
    "hires_steps": _with_hires_steps,
    "lora_weight": _with_lora_weight,
    "sampler": _with_sampler,
    "schedule": lambda order, value: replace(order, schedule=samplers.find_schedule(str(value)).key),
    "size": _with_size,
    "style": lambda order, value: replace(order, styles=(*order.styles, str(value))),
}


def _styled(order: Order, words: Words) -> Order:
    """Return the order with the words of its styles around its own, and what they lock."""
    if not order.styles:
        return order
    styles = [_style(words, name) for name in order.styles]
    prompt = apply_styles([style.prompt for style in styles if style.prompt], order.prompt)
    negative = apply_styles([style.negative for style in styles if style.negative], order.negative)
    locked = {name: value for style in styles for name, value in style.settings.items() if name in LOCKABLE}
    styled = order_from_json(order_to_json(order) | locked) if locked else order
    return replace(styled, prompt=prompt, negative=negative, styles=())


def _style(words: Words, name: str) -> Style:
    found = words.styles.get(name)
    if found is None:
        raise UnknownStyle(name=name[:80])
    return found


def _pictures(order: Order, words: Words, limits: Limits) -> Iterator[Order]:
    """Yield an order for each picture: dynamic prompts filled in, the seed counted on."""
    seed = order.seed or 0
    if order.is_combinatorial and dynamic.is_dynamic(order.prompt):
        prompts = dynamic.expand_every(order.prompt, words.lists, limit=limits.max_pictures)
        numbered = [(number, prompt) for prompt in prompts for number in range(order.count)]
    else:
        numbered = [(number, _one(order.prompt, words, _counted(seed, number))) for number in range(order.count)]
    for number, prompt in numbered:
        mine = _counted(seed, number)
        yield replace(order, seed=mine, prompt=prompt, negative=_one(order.negative, words, mine))


def _counted(seed: int, number: int) -> int:
    return (seed + number) % (MAX_SEED + 1)


def _one(text: str, words: Words, seed: int) -> str:
    return dynamic.expand_one(text, words.lists, seed=seed) if dynamic.is_dynamic(text) else text


def with_loras_read(order: Order) -> Order:
    """Return the order with the LoRA tags of its prompt taken out and among its LoRAs; those set apart come first."""
    if not names_loras(order.prompt):
        return order
    chosen = [
        LoraRef(lora.name, lora.weight if lora.text_weight is None else lora.text_weight, lora.weight)
        for lora in order.loras
    ]
    found = read_loras(order.prompt, chosen=chosen, limit=_MANY_LORAS)
    return replace(
        order, prompt=found.text, loras=tuple(LoraWish(ref.name, ref.unet, ref.text_encoder) for ref in found.loras)
    )


def order_of(order: Order, entry: Entry) -> Order:
    """Return the order that draws the picture of this entry, and it alone."""
    values = order_to_json(single(order)) | {name: value for name, value in entry.items() if name in _FIELDS}
    return order_from_json(values)


def orders_of(job: ImageJob) -> list[Order]:
    """Return the order of each picture of a job."""
    order = order_from_json(job.order)
    return [order_of(order, entry) for entry in job.plan]


def flagged_of(job: ImageJob) -> set[int]:
    """Return the numbers of the pictures that were drawn and held back by the safety checker."""
    return {number for number, entry in enumerate(job.plan) if entry.get("is_flagged")}
