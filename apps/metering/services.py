"""Quotas: reserve before the work, settle with the real amounts after it, or release."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from apps.metering import sql
from apps.metering.errors import QuotaExceeded
from apps.metering.ledger import Amounts, Values, close, columns
from apps.metering.models import Reservation, Resource, Scope, Window
from apps.users.models import Team, User

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Remaining:
    """A limit that applies to a person in a team, and how much of it is left."""

    scope: Scope
    resource: Resource
    window: Window
    limit: int
    used: int  # held by work under way included
    resets_at: datetime | None  # None: never

    @property
    def left(self) -> int:
        """Return what may still be used, never below 0."""
        return max(0, self.limit - self.used)

    @property
    def fraction(self) -> float:
        """Return the part that is used, 0..1, for a bar."""
        return min(1.0, self.used / self.limit) if self.limit else 1.0


def reserve(*, user: User | None, team: Team | None, amounts: Amounts) -> Reservation:
    """Hold quota for work that begins now; raises QuotaExceeded and then holds nothing.

    One statement compares and counts under the counters' row locks, so parallel calls never overshoot. The locks
    live until the surrounding transaction ends: call it before a long one, not inside.
    """
    wanted = {Resource(resource).value: amount for resource, amount in amounts.items() if amount}
    if any(amount < 0 for amount in wanted.values()):
        message = "Only amounts of 0 and more can be reserved."
        raise ValueError(message)
    reservation_id = uuid.uuid4()
    values = _subjects(user, team) | columns(amounts) | _defaults()
    values |= {"id": reservation_id, "json": json.dumps(wanted), "ttl_s": settings.ENV.reservation_s}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.RESERVE, values)
        refused = cursor.fetchone()
        if refused:
            raise _exceeded(*refused)
    return Reservation.objects.get(pk=reservation_id)


def _exceeded(
    scope: str, resource: str, window: str, limit: int, ends_at: datetime | None, retry_after: int | None
) -> QuotaExceeded:
    resets_at = ends_at.isoformat() if ends_at else None
    return QuotaExceeded(
        resource=resource,
        limit=limit,
        scope=scope,
        window=window,
        resets_at=resets_at,
        retry_after=retry_after if ends_at else None,
    )


def settle(reservation_id: UUID, amounts: Amounts) -> bool:
    """Replace what was held by what was really used; return whether this call did it.

    A second settlement and one after a release change nothing; one after the expiry still counts the use.
    """
    states = [Reservation.State.OPEN, Reservation.State.EXPIRED]
    return close(reservation_id, states, Reservation.State.SETTLED, amounts)


def release(reservation_id: UUID) -> bool:
    """Give back all that was held; return whether this call did it."""
    return close(reservation_id, [Reservation.State.OPEN], Reservation.State.RELEASED, {})


def add_use(*, user: User | None, team: Team | None, amounts: Amounts) -> None:
    """Count use that needed no reservation. A negative amount gives back, as for the bytes of a purged document."""
    values = _subjects(user, team) | columns(amounts)
    with connection.cursor() as cursor:
        cursor.execute(sql.ADD, values)


def remaining(user: User | None, team: Team | None) -> list[Remaining]:
    """Return the limits that apply to the person in the team, with what is left; one query."""
    values = _subjects(user, team) | _defaults() | {"resources": Resource.values}
    with connection.cursor() as cursor:
        cursor.execute(sql.REMAINING, values)
        return [
            Remaining(Scope(scope), Resource(resource), Window(window), limit, used, ends_at)
            for scope, resource, window, limit, used, ends_at in cursor.fetchall()
        ]


def _subjects(user: User | None, team: Team | None) -> Values:
    return {"user": user.pk if user else UUID(sql.NOBODY), "team": team.pk if team else UUID(sql.NOBODY)}


def _defaults() -> Values:
    """Return the limits of the settings as the four columns that the statements unnest; 0 means none."""
    env = settings.ENV
    rows = [
        (Scope.USER, Resource.QUESTIONS, Window.DAY, env.questions_per_day),
        (Scope.USER, Resource.OUTPUT_TOKENS, Window.DAY, env.output_tokens_per_day),
        (Scope.TEAM, Resource.PAGES, Window.DAY, env.pages_per_day),
        (Scope.TEAM, Resource.STORAGE_BYTES, Window.TOTAL, env.team_storage_mib * MIB),
    ]
    limited = [(scope.value, resource.value, window.value, limit) for scope, resource, window, limit in rows if limit]
    scopes, resources, windows, limits = (
        (list(column) for column in zip(*limited, strict=True)) if limited else ([], [], [], [])
    )
    return {"d_scopes": scopes, "d_resources": resources, "d_windows": windows, "d_limits": limits}
