"""Orders that programs place: what they leave out is as suits the model, and said twice it is drawn once."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from apps.core.errors import AppError, Invalid
from apps.core.waiting import let_go
from apps.images import services
from apps.images.api.asked import asked_board
from apps.images.models import ImageJob
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.images.resolving import model_of
from apps.images.suiting import suited
from apps.users.api_auth import asked_team, person_of

ORDER_FIELDS = frozenset(field.name for field in fields(Order))
REPEAT_HEADER = "Idempotency-Key"
REPEAT_CHARS = 200
REPEAT_S = 24 * 3_600
PENDING_S = 60
PENDING = "pending"
Found = TypeVar("Found")
LOOK_S = 0.3


class StillPlacing(AppError):
    """The same order is being placed by another request at this moment."""

    status = 409
    code = "image-order-pending"
    title = _("This order is just being placed")

    def headers(self) -> dict[str, str]:
        """Return Retry-After in seconds."""
        return {"Retry-After": "1"}


def asked_order(request: Request, data: Mapping[str, Any]) -> Order:
    """Return the order that is sent: `order`, or its fields beside each other.

    Size, steps, guidance and sampler are those that suit the model where nothing is said of them.
    """
    if "order" not in data:
        return order_from_json(filled(request, {name: data[name] for name in data if name in ORDER_FIELDS}))
    if others := set(data) - {"order", "board"}:
        raise Invalid(field=min(others)[:60])
    said = data["order"]
    return order_from_json(filled(request, said) if isinstance(said, Mapping) else said)


def filled(request: Request, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with those that suit the model filled in. Raises UnknownImageModel, NoModel."""
    name = said.get("model", "")
    model = model_of(person_of(request), asked_team(request), name if isinstance(name, str) else "")
    return suited(model, said)


def placed(request: Request, order: Order, *, board: object = None) -> ImageJob:
    """Place an order, or return the job of the same Idempotency-Key. Raises what `services.place_order` raises."""
    user, team = person_of(request), asked_team(request)
    return once(
        request, lambda: services.place_order(user=user, team=team, order=order, board=asked_board(request, board))
    )


def once(request: Request, place: Callable[[], ImageJob]) -> ImageJob:
    """Return the job that was placed before under the Idempotency-Key of the request, else place it."""
    said = request.headers.get(REPEAT_HEADER, "")
    if not said:
        return place()
    if len(said) > REPEAT_CHARS:
        raise Invalid(field=REPEAT_HEADER)
    user, team = person_of(request), asked_team(request)
    key = "image-order:" + hashlib.sha256(f"{team.pk}:{user.pk}:{said}".encode()).hexdigest()
    if not cache.add(key, PENDING, PENDING_S):
        known = cache.get(key)
        job = None if known in {None, PENDING} else ImageJob.objects.owned_by(user).filter(pk=known).first()
        if job is None:
            raise StillPlacing
        return job
    try:
        job = place()
    except AppError:
        cache.delete(key)
        raise
    cache.set(key, str(job.pk), REPEAT_S)
    return job


def wait_for(job: ImageJob, seconds: float) -> ImageJob:
    """Return the job once it has ended, at the latest after so many seconds; no connection is held meanwhile."""

    def look() -> ImageJob:
        job.refresh_from_db(fields=["state"])
        return job

    waited(look, lambda found: found.state not in ImageJob.LIVE, seconds)
    job.refresh_from_db()
    return job


def waited(look: Callable[[], Found], is_over: Callable[[Found], bool], seconds: float) -> Found:
    """Return what `look` finds once it is over, at the latest after so many seconds; holds no connection meanwhile."""
    until = time.monotonic() + seconds
    found = look()
    while not is_over(found) and time.monotonic() < until:
        let_go()
        time.sleep(LOOK_S)
        found = look()
    return found
