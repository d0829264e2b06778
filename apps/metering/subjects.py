"""Whom a limit can name, found by their names."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.core.errors import NotFound
from apps.core.text import typed
from apps.metering.models import Scope
from apps.users.models import ApiKey, Group, Membership, Team, User

MOST = 8


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody whom a limit can name."""

    pk: UUID
    name: str
    hint: str


def find(scope: str, words: str, team: Team | None = None) -> list[Subject]:
    """Return the first teams, people, groups or keys with the words in their name; with a team, only its own."""
    words = typed(words)
    if scope == Scope.TEAM:
        return [
            Subject(one.pk, one.name, "") for one in Team.objects.filter(name__icontains=words).order_by("name")[:MOST]
        ]
    if scope == Scope.GROUP:
        groups = Group.objects.filter(name__icontains=words).select_related("team").order_by("name")
        groups = groups.filter(team=team) if team else groups
        return [Subject(one.pk, one.name, one.team.name) for one in groups[:MOST]]
    if scope == Scope.KEY:
        keys = ApiKey.objects.filter(name__icontains=words, revoked_at=None).select_related("team", "user")
        keys = keys.filter(team=team) if team else keys
        return [Subject(one.pk, one.name, f"{one.prefix}… · {one.user}") for one in keys.order_by("name")[:MOST]]
    if scope == Scope.MEMBER and team is not None:
        return _members(team, words)
    if scope == Scope.USER:
        people = User.objects.filter(Q(name__icontains=words) | Q(email__icontains=words)).order_by("name", "email")
        return [Subject(one.pk, str(one), one.email) for one in people[:MOST]]
    return []


def _members(team: Team, words: str) -> list[Subject]:
    found = Membership.objects.filter(team=team).select_related("user").order_by("user__name", "user__email")
    found = found.filter(Q(user__name__icontains=words) | Q(user__email__icontains=words))
    return [Subject(one.user.pk, str(one.user), one.user.email) for one in found[:MOST]]


def named(scope: str, pk: UUID | None, team: Team | None = None) -> dict[str, Team | User | Group | ApiKey]:
    """Return the fields of a limit that name its subject; none for a default. Raises NotFound, also for other teams."""
    if scope == Scope.MEMBER and team is not None:
        if pk is None:
            return {"team": team}
        membership = Membership.objects.filter(team=team, user_id=pk).select_related("user").first()
        if membership is None:
            raise NotFound
        return {"team": team, "user": membership.user}
    if scope == Scope.SYSTEM or pk is None:
        return {}
    found = _one(scope, pk, team)
    if found is None:
        raise NotFound
    return {scope: found}


def _one(scope: str, pk: UUID, team: Team | None) -> Team | User | Group | ApiKey | None:
    of_team = {"team": team} if team else {}
    if scope == Scope.GROUP:
        return Group.objects.filter(pk=pk, **of_team).first()
    if scope == Scope.KEY:
        return ApiKey.objects.filter(pk=pk, **of_team).first()
    if team is not None:  # a team's admin names nobody beyond the team
        return None
    return Team.objects.filter(pk=pk).first() if scope == Scope.TEAM else User.objects.filter(pk=pk).first()
