"""Closing reservations; below both the services and the reaper."""

from collections.abc import Mapping
from uuid import UUID

from django.conf import settings

from apps.metering import sql
from apps.metering.models import Reservation, Resource, Scope, Window
from apps.metering.running import moving

Amounts = Mapping[Resource, int]
Values = dict[str, UUID | str | int | list[str] | list[int] | None]
MIB = 2**20


def columns(amounts: Amounts) -> Values:
    """Return the amounts as the two columns that the statements unnest; nothing is said of a resource by 0."""
    said = {Resource(resource).value: amount for resource, amount in amounts.items() if amount}
    return {"resources": list(said), "amounts": list(said.values())}


def of_settings() -> list[tuple[Scope, Resource, Window, int]]:
    """Return the limits that the settings make where no row does; 0 means none."""
    env = settings.ENV
    return [
        (Scope.USER, Resource.QUESTIONS, Window.DAY, env.questions_per_day),
        (Scope.USER, Resource.OUTPUT_TOKENS, Window.DAY, env.output_tokens_per_day),
        (Scope.USER, Resource.PICTURES, Window.DAY, env.pictures_per_day),
        (Scope.USER, Resource.PIXEL_STEPS, Window.DAY, env.pixel_steps_per_day),
        (Scope.TEAM, Resource.PAGES, Window.DAY, env.pages_per_day),
        (Scope.TEAM, Resource.STORAGE_BYTES, Window.TOTAL, env.team_storage_mib * MIB),
    ]


def defaults() -> Values:
    """Return the limits of the settings as the four columns that the statements unnest."""
    limited = [(scope.value, resource.value, window.value, limit) for scope, resource, window, limit in of_settings()
               if limit]  # fmt: skip
    scopes, resources, windows, limits = (
        (list(column) for column in zip(*limited, strict=True)) if limited else ([], [], [], [])
    )
    return {"d_scopes": scopes, "d_resources": resources, "d_windows": windows, "d_limits": limits}


def expire(reservation_id: UUID) -> bool:
    """Give back what a dead worker held; return whether this call did it."""
    return close(reservation_id, [Reservation.State.OPEN], Reservation.State.EXPIRED)


def close(
    reservation_id: UUID,
    states: list[Reservation.State],
    state: Reservation.State,
    amounts: Amounts | None = None,
    model: str | None = None,
) -> bool:
    """Bring a reservation that is in one of `states` to `state`, counting what was used; return whether it was."""
    values = columns(amounts or {}) | defaults()
    values |= {
        "id": reservation_id,
        "from_states": [one.value for one in states],
        "state": state.value,
        "model": model,
    }
    with moving() as statements:
        return bool(statements.fetch(sql.CLOSE, values)[0][0])
