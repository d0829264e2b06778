"""From an order to its pictures: which seed, prompt and settings each one has, fixed once and kept with the job."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from apps.images.limits import Limits
from apps.images.models import ImageJob
from apps.images.ordering import MAX_SEED, check_count, order_from_json, order_to_json
from apps.images.orders import Order

_FIELDS = frozenset(field.name for field in fields(Order))
Entry = Mapping[str, Any]  # fields of Order by name, and perhaps "cell": the place in a grid


def single(order: Order) -> Order:
    """Return the order for one picture: what made several of it is used up."""
    return replace(order, count=1, axes=(), styles=(), is_combinatorial=False)


def plan(order: Order, limits: Limits) -> list[Entry]:
    """Return what each picture differs in. A seed that was left open is drawn now. Raises TooManyPictures."""
    check_count(order.count, limits)
    first = secrets.randbelow(MAX_SEED + 1) if order.seed is None else order.seed
    return [{"seed": (first + number) % (MAX_SEED + 1)} for number in range(order.count)]


def order_of(order: Order, entry: Entry) -> Order:
    """Return the order that draws the picture of this entry, and it alone."""
    values = order_to_json(single(order)) | {name: value for name, value in entry.items() if name in _FIELDS}
    return order_from_json(values)


def orders_of(job: ImageJob) -> list[Order]:
    """Return the order of each picture of a job."""
    order = order_from_json(job.order)
    return [order_of(order, entry) for entry in job.plan]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An order that may be drawn: with every name filled in, and what it makes."""

    order: Order
    entries: list[Entry]

    def orders(self) -> list[Order]:
        """Return the order of each picture."""
        return [order_of(self.order, entry) for entry in self.entries]
