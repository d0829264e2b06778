"""Closing reservations; below both the services and the reaper."""

from collections.abc import Mapping
from uuid import UUID

from django.db import connection

from apps.metering import sql
from apps.metering.models import Reservation, Resource

Amounts = Mapping[Resource, int]
Values = dict[str, UUID | str | int | list[str] | list[int]]


def columns(amounts: Amounts) -> Values:
    """Return the amounts as the two columns that the statements unnest; nothing is said of a resource by 0."""
    said = {Resource(resource).value: amount for resource, amount in amounts.items() if amount}
    return {"resources": list(said), "amounts": list(said.values())}


def expire(reservation_id: UUID) -> bool:
    """Give back what a dead worker held; return whether this call did it."""
    return close(reservation_id, [Reservation.State.OPEN], Reservation.State.EXPIRED, {})


def close(reservation_id: UUID, states: list[Reservation.State], state: Reservation.State, amounts: Amounts) -> bool:
    """Bring a reservation that is in one of `states` to `state`, counting what was used; return whether it was."""
    values = columns(amounts) | {
        "id": reservation_id,
        "from_states": [one.value for one in states],
        "state": state.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql.CLOSE, values)
        return bool(cursor.fetchone()[0])
