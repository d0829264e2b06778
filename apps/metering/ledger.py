"""Closing reservations; below both the services and the reaper."""

from collections.abc import Mapping
from typing import NamedTuple
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


class SettingLimit(NamedTuple):
    """A limit that a setting of the installation makes where no row does; 0 means none."""

    scope: Scope
    resource: Resource
    window: Window
    limit: int
    setting: str  # as an operator writes it


def of_settings() -> list[SettingLimit]:
    """Return the limits that the settings make."""
    env = settings.ENV
    user, team, day = Scope.USER, Scope.TEAM, Window.DAY
    return [
        SettingLimit(user, Resource.QUESTIONS, day, env.questions_per_day, "KB_QUESTIONS_PER_DAY"),
        SettingLimit(user, Resource.OUTPUT_TOKENS, day, env.output_tokens_per_day, "KB_OUTPUT_TOKENS_PER_DAY"),
        SettingLimit(user, Resource.PICTURES, day, env.pictures_per_day, "KB_PICTURES_PER_DAY"),
        SettingLimit(user, Resource.PIXEL_STEPS, day, env.pixel_steps_per_day, "KB_PIXEL_STEPS_PER_DAY"),
        SettingLimit(team, Resource.PAGES, day, env.pages_per_day, "KB_PAGES_PER_DAY"),
        SettingLimit(team, Resource.STORAGE_BYTES, Window.TOTAL, env.team_storage_mib * MIB, "KB_TEAM_STORAGE_MIB"),
    ]


def defaults() -> Values:
    """Return the limits of the settings as the four columns that the statements unnest."""
    limited = [(one.scope.value, one.resource.value, one.window.value, one.limit) for one in of_settings() if one.limit]
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
