"""What orders cost, and holding it: pictures, pixel-steps (width x height x steps, in thousands), bytes of storage."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from apps.images.models import ImageJob
from apps.images.ordering import drawn_size
from apps.images.orders import Order
from apps.metering import services as metering
from apps.metering.models import Resource
from apps.users.models import Team, User

RESOURCES = (Resource.PICTURES, Resource.PIXEL_STEPS, Resource.STORAGE_BYTES)
FILE_BYTES = 40_000  # of a thumbnail and what a PNG has besides its pixels


@dataclass(frozen=True, slots=True)
class Cost:
    """What is held for pictures, or what they really took."""

    pictures: int = 0
    pixel_steps: int = 0  # in thousands
    size_bytes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.pictures + other.pictures, self.pixel_steps + other.pixel_steps, self.size_bytes + other.size_bytes
        )

    def amounts(self) -> Mapping[Resource, int]:
        """Return it as metering takes it."""
        return dict(zip(RESOURCES, (self.pictures, self.pixel_steps, self.size_bytes), strict=True))


def cost_of(orders: Iterable[Order]) -> Cost:
    """Return what these pictures take at most, one of each order: a PNG is never larger than its plain pixels."""
    return sum(map(_one, orders), start=Cost())


def _one(order: Order) -> Cost:
    width, height = result_size(order)
    return Cost(1, pixel_steps_of(order), width * height * 3 + FILE_BYTES)


def result_size(order: Order) -> tuple[int, int]:
    """Return the size of the picture that comes out."""
    if order.kind == ImageJob.Kind.UPSCALE:
        return round(order.width * order.upscale), round(order.height * order.upscale)
    return drawn_size(order)


def pixel_steps_of(order: Order) -> int:
    """Return the pixel-steps of one picture; an enlargement counts as one step of its result."""
    width, height = result_size(order)
    if order.kind == ImageJob.Kind.UPSCALE:
        return math.ceil(width * height / 1_000)
    if order.hires is None:
        return math.ceil(width * height * first_steps(order) / 1_000)
    small = order.width * order.height * first_steps(order)
    return math.ceil((small + width * height * hires_steps(order)) / 1_000)


def first_steps(order: Order) -> int:
    """Return the steps of the first pass: drawing over a picture skips those that its strength leaves out."""
    if order.source is None or order.kind == ImageJob.Kind.DRAW:
        return order.steps
    return max(1, int(order.steps * order.strength))


def hires_steps(order: Order) -> int:
    """Return the steps of the second pass, 0 without one."""
    if order.hires is None:
        return 0
    return max(1, int((order.hires.steps or order.steps) * order.hires.strength))


def steps_of(order: Order) -> int:
    """Return the steps of one picture, all passes together; 1 where nothing is drawn by steps."""
    return 1 if order.kind == ImageJob.Kind.UPSCALE else first_steps(order) + hires_steps(order)


def reserve(*, user: User, team: Team, cost: Cost, model: str) -> UUID:
    """Hold it; raises QuotaExceeded and then holds nothing. Its owner settles or releases the reservation."""
    held = metering.reserve(user=user, team=team, amounts=cost.amounts(), model=model)
    if held.degraded is not None:  # no smaller model stands in for drawing
        metering.release(held.pk)
        raise held.degraded
    return held.pk


def settle(reservation: UUID | None, cost: Cost) -> None:
    """Count what was really drawn in place of what was held."""
    if reservation is None:
        return
    if cost == Cost():
        metering.release(reservation)
    else:
        metering.settle(reservation, cost.amounts())


def left(user: User, team: Team) -> list[metering.Remaining]:
    """Return the limits on pictures, pixel-steps and storage that bind the person in the team; one query."""
    return [each for each in metering.remaining(user, team) if each.resource in RESOURCES]
