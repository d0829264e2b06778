"""Who may use a model, as the console shows and changes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.catalog.models import AIModel, ModelAccess
from apps.core.text import typed
from apps.users.models import Group, Team

FOUND = 20


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A team, whether all of it may use the model, and its groups with whether they may."""

    team: Team
    is_shared: bool
    groups: Sequence[tuple[Group, bool]]


@dataclass(frozen=True, slots=True)
class Shares:
    """Those that may use the model, and those that were searched for."""

    chosen: Sequence[ShareRow]
    found: Sequence[ShareRow]
    text: str


def shares_of(model: AIModel, text: str) -> Shares:
    """Return the teams and groups of a model, and the teams whose name has `text`: three queries."""
    rows = list(ModelAccess.objects.filter(model=model))
    whole = {row.team_id for row in rows if row.group_id is None}
    groups = {row.group_id for row in rows}
    text = typed(text)
    chosen = list(Team.objects.filter(pk__in={row.team_id for row in rows}).order_by("name"))
    others = Team.objects.exclude(pk__in=[team.pk for team in chosen]).filter(deletion_at=None).order_by("name")
    found = list(others.filter(name__icontains=text)[:FOUND])
    of_team: dict[UUID, list[Group]] = {}
    for group in Group.objects.filter(team__in=[*chosen, *found]):
        of_team.setdefault(group.team_id, []).append(group)

    def row(team: Team) -> ShareRow:
        return ShareRow(team, team.pk in whole, [(each, each.pk in groups) for each in of_team.get(team.pk, [])])

    return Shares([row(team) for team in chosen], [row(team) for team in found], text)
