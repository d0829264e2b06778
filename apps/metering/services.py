"""Quotas: reserve before the work, settle with the real amounts after it, or release."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from apps.metering import sql
from apps.metering.errors import QuotaExceeded
from apps.metering.ledger import Amounts, Values, close, columns, defaults
from apps.metering.models import Behaviour, Reservation, Resource, Scope, Window
from apps.metering.running import moving
from apps.users.access import acting_key
from apps.users.models import Team, User


@dataclass(frozen=True, slots=True)
class Remaining:
    """A limit that applies to a person in a team, and how much of it is left."""

    scope: Scope
    subject: UUID
    resource: Resource
    window: Window
    limit: int
    used: int  # held by work under way included
    resets_at: datetime | None  # None: never
    warn_percent: int = 80
    behaviour: str = Behaviour.BLOCK
    fallback_model: str = ""

    @property
    def left(self) -> int:
        """Return what may still be used, never below 0."""
        return max(0, self.limit - self.used)

    @property
    def fraction(self) -> float:
        """Return the part that is used, 0..1, for a bar."""
        return min(1.0, self.used / self.limit) if self.limit else 1.0

    @property
    def is_warning(self) -> bool:
        """Return whether so much is used that the person should know."""
        return self.used * 100 >= self.limit * self.warn_percent

    @property
    def is_soft(self) -> bool:
        """Return whether a smaller model answers at the limit, in place of nobody."""
        return self.behaviour == Behaviour.DEGRADE and bool(self.fallback_model)


@dataclass(frozen=True, slots=True)
class Held:
    """What `reserve` held. `model` does the work: the smaller one where `degraded` says which limit is passed."""

    pk: UUID
    model: str
    degraded: QuotaExceeded | None = None
    warnings: tuple[Remaining, ...] = ()  # limits that this took near their end


def reserve(*, user: User | None, team: Team | None, amounts: Amounts, model: str = "") -> Held:
    """Hold quota for work that begins now; raises QuotaExceeded and then holds nothing.

    One statement compares and counts under the counters' row locks, so parallel calls never overshoot. The locks
    live until the surrounding transaction ends: call it before a long one, not inside. Within a request of an API key
    its limits count as well. What it costs is held by the price table: name the `model` that does the work.
    """
    if any(amount < 0 for amount in amounts.values()):
        message = "Only amounts of 0 and more can be reserved."
        raise ValueError(message)
    held_id = uuid.uuid4()
    values = _who(user, team) | columns(amounts) | defaults()
    values |= {"id": held_id, "model": model, "ttl_s": settings.ENV.reservation_s}
    with moving() as statements:
        found = statements.fetch(sql.RESERVE, values)
        if found and found[0][0] == "refused":
            raise _exceeded(found[0])
    degraded = [row for row in found if row[0] == "degraded"]
    warnings = tuple(_near(row) for row in found if row[0] == "warning")
    if degraded:
        return Held(held_id, str(degraded[0][9]), _exceeded(degraded[0]), warnings)
    return Held(held_id, model, None, warnings)


def _exceeded(row: tuple[object, ...]) -> QuotaExceeded:
    _outcome, scope, _subject, resource, window, limit, _reached, ends_at, retry_after, _fallback = row
    return QuotaExceeded(
        resource=str(resource),
        limit=int(str(limit)),
        scope=str(scope),
        window=str(window),
        resets_at=ends_at.isoformat() if isinstance(ends_at, datetime) else None,
        retry_after=int(str(retry_after)),
    )


def _near(row: tuple[object, ...]) -> Remaining:
    _outcome, scope, subject, resource, window, limit, reached, ends_at, _retry, _fallback = row
    return Remaining(
        Scope(str(scope)),
        UUID(str(subject)),
        Resource(str(resource)),
        Window(str(window)),
        int(str(limit)),
        int(str(reached)),
        ends_at if isinstance(ends_at, datetime) else None,
    )


def settle(reservation_id: UUID, amounts: Amounts, model: str | None = None) -> bool:
    """Replace what was held by what was really used; return whether this call did it.

    `model` is the one that did the work where it was not the one it was held for; "" means that none did.

    A second settlement and one after a release change nothing; one after the expiry still counts the use.
    """
    states = [Reservation.State.OPEN, Reservation.State.EXPIRED]
    return close(reservation_id, states, Reservation.State.SETTLED, amounts, model)


def release(reservation_id: UUID) -> bool:
    """Give back all that was held; return whether this call did it."""
    return close(reservation_id, [Reservation.State.OPEN], Reservation.State.RELEASED)


def prolong(reservation_ids: Collection[UUID]) -> int:
    """Keep what work that still waits holds from expiring; return how many reservations were prolonged."""
    ttl = timedelta(seconds=settings.ENV.reservation_s)
    due = Reservation.objects.filter(pk__in=reservation_ids, state=Reservation.State.OPEN)
    return due.filter(expires_at__lt=Now() + ttl / 2).update(expires_at=Now() + ttl)


def spend(*, user: User | None, team: Team | None, amounts: Amounts, model: str = "") -> Held:
    """Count at once what needs no work, such as a call of the API; raises QuotaExceeded and then counts nothing."""
    with transaction.atomic():
        held = reserve(user=user, team=team, amounts=amounts, model=model)
        settle(held.pk, amounts)
    return held


def add_use(*, user: User | None, team: Team | None, amounts: Amounts, model: str = "") -> None:
    """Count use that needed no reservation. A negative amount gives back, as for the bytes of a purged document."""
    values = _who(user, team) | columns(amounts) | defaults() | {"model": model}
    with moving() as statements:
        statements.fetch(sql.ADD, values)


def remaining(user: User | None, team: Team | None) -> list[Remaining]:
    """Return the limits that apply to the person in the team, with what is left; one query."""
    with connection.cursor() as cursor:
        cursor.execute(sql.REMAINING, _who(user, team) | defaults())
        return [
            Remaining(Scope(scope), subject, Resource(resource), Window(window), *rest)
            for scope, subject, resource, window, *rest in cursor.fetchall()
        ]


def _who(user: User | None, team: Team | None) -> Values:
    key = acting_key.get()
    nobody = UUID(sql.NOBODY)
    return {
        "user": user.pk if user else nobody,
        "team": team.pk if team else nobody,
        "key": key.key_id if key else nobody,
    }
