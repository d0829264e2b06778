"""The form of the studio as a person left it in a team: kept on the server, so that no shared computer tells it.

It lies in Valkey for two weeks, and goes with its team (`core.forgetting`, by the id in the key). Where Valkey cannot
be reached, the form begins anew and nothing else is lost.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.core.cache import cache
from redis.exceptions import RedisError

from apps.core.errors import AppError
from apps.images.models import Picture
from apps.images.ordering import order_from_json, order_to_json
from apps.images.orders import Order
from apps.users.models import Team, User

logger = logging.getLogger(__name__)
LIFE_S = 14 * 24 * 3_600


def keep(user: User, team: Team, order: Order) -> None:
    """Keep the form as it is now, in the place of what was kept."""
    try:
        cache.set(_key(user, team), order_to_json(order), LIFE_S)
    except RedisError:
        logger.warning("a draft could not be kept", extra={"team": team.pk})


def draft_of(user: User, team: Team) -> Order | None:
    """Return the form as it was left, without pictures that are gone; None where nothing is kept. One query at most."""
    try:
        kept = cache.get(_key(user, team))
        order = None if kept is None else order_from_json(kept)
    except (RedisError, AppError):  # of another release of the product
        return None
    return None if order is None else _with_live_pictures(user, team, order)


def _with_live_pictures(user: User, team: Team, order: Order) -> Order:
    """Return the order without the pictures that it names and that the person cannot draw from any more."""
    parts = [part for part in (order.control, order.image_prompt) if part is not None]
    named = {order.source, order.mask, *(part.picture for part in parts)} - {None}
    if not named:
        return order
    live = _live(user, team, [each for each in named if each is not None])
    if order.source not in live:
        order = replace(order, source=None, mask=None)
    if order.mask not in live:
        order = replace(order, mask=None)
    if order.control is not None and order.control.picture not in live:
        order = replace(order, control=None)
    if order.image_prompt is not None and order.image_prompt.picture not in live:
        order = replace(order, image_prompt=None)
    return order


def _live(user: User, team: Team, picture_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the pictures that the person sees in the team."""
    return set(Picture.objects.visible_to(user).filter(team=team, pk__in=picture_ids).values_list("pk", flat=True))


def _key(user: User, team: Team) -> str:
    return f"images:draft:{team.pk}:{user.pk}"
