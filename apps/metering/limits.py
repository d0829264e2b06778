"""Setting and removing limits. A limit that begins counts what was used before it, from the ledger."""

import hashlib
from dataclasses import dataclass, fields
from uuid import UUID

from django.db import connection

from apps.metering import counting, sql
from apps.metering.ledger import of_settings
from apps.metering.models import Behaviour, Counter, Quota, Resource, Scope, Window
from apps.metering.running import alone
from apps.users.models import ApiKey, Group, Membership, Team, User
from apps.users.signals import tell

NAMING = ("scope", "team", "user", "group", "key", "resource", "window")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a row of limits says. Nobody is named: it is the default of the scope."""

    scope: Scope
    resource: Resource
    window: Window
    limit: int
    team: Team | None = None
    user: User | None = None
    group: Group | None = None
    key: ApiKey | None = None
    is_enabled: bool = True
    warn_percent: int = 80
    behaviour: Behaviour = Behaviour.BLOCK
    fallback_model: str = ""


def set_limit(limit: Limit, *, actor: User | None = None) -> Quota:
    """Make the limit, or change the one there is for the same subject, resource and window. Raises QuotaBusy."""
    values = {field.name: getattr(limit, field.name) for field in fields(limit)}
    named = {name: values.pop(name) for name in NAMING}

    def write() -> Quota:
        before = Quota.objects.filter(**named).first()
        detail = _told(limit.resource, limit.window, limit.limit if limit.is_enabled else None)
        if before is not None:
            detail["before"] = str(before.limit) if before.is_enabled else "none"
        quota, _ = Quota.objects.update_or_create(**named, defaults=values)
        if before is None or before.is_enabled != quota.is_enabled:
            _recount(quota)
        _tell("quota.set", actor, quota, detail)
        return quota

    return alone(write)


def remove_limit(quota: Quota, *, actor: User | None = None) -> None:
    """Remove the limit; a broader one of its scope holds from now on, with what was used so far. Raises QuotaBusy."""

    def write() -> None:
        if Quota.objects.filter(pk=quota.pk).delete()[0]:
            _recount(quota)
            _tell("quota.removed", actor, quota, _told(quota.resource, quota.window, quota.limit))

    alone(write)


def forget_team(team_id: UUID) -> None:
    """Drop the counters and limits of a team that is being deleted. The ledger, which holds no names, stays."""
    people = Membership.objects.filter(team_id=team_id).values_list("user", flat=True)
    members = [member_key(team_id, user_id) for user_id in people]
    groups = list(Group.objects.filter(team_id=team_id).values_list("pk", flat=True))
    keys = list(ApiKey.objects.filter(team_id=team_id).values_list("pk", flat=True))

    def write() -> None:
        Quota.objects.filter(team_id=team_id).delete()
        Quota.objects.filter(group__in=groups).delete()
        Quota.objects.filter(key__in=keys).delete()
        Counter.objects.exclude(scope=Scope.SYSTEM).filter(subject__in=[team_id, *members, *groups, *keys]).delete()

    alone(write)


def recount_settings() -> None:
    """Fill the counters of the limits that the settings make: they may have changed while nothing ran."""

    def write() -> None:
        for scope, resource, window, _limit, _setting in of_settings():
            _recount(Quota(scope=scope, resource=resource, window=window))

    alone(write)


def member_key(team_id: UUID, user_id: UUID) -> UUID:
    """Return what the counters of a person in one team are named by; the SQL makes the same."""
    return UUID(hashlib.md5(f"{team_id}{user_id}".encode(), usedforsecurity=False).hexdigest())


def subject_of(quota: Quota) -> UUID | None:
    """Return the subject of a limit's counter; None for a default, which has one for each."""
    if quota.scope == Scope.SYSTEM:
        return UUID(sql.NOBODY)
    if quota.scope == Scope.MEMBER:
        return member_key(quota.team_id, quota.user_id) if quota.team_id and quota.user_id else None
    return quota.team_id or quota.user_id or quota.group_id or quota.key_id


def _recount(quota: Quota) -> None:
    """Make the counters of a limit anew from the ledger, or drop them where no limit is left; needs HOLD_ALONE."""
    is_named = subject_of(quota) is not None
    values = {
        "scope": quota.scope,
        "resource": quota.resource,
        "window": quota.window,
        "subject": subject_of(quota),
        "team": _team_id(quota) if is_named else None,
        "user": quota.user_id if is_named else None,
    }
    same = Quota.objects.filter(scope=quota.scope, resource=quota.resource, window=quota.window, is_enabled=True)
    by_settings = any(
        (scope, resource, window) == (quota.scope, quota.resource, quota.window) and limit
        for scope, resource, window, limit, _setting in of_settings()
    )
    with connection.cursor() as cursor:
        cursor.execute(counting.FORGET, values)
        if by_settings or same.exists():
            cursor.execute(counting.recount(quota.scope, quota.window), values)


def _team_id(quota: Quota) -> UUID | None:
    team = _team(quota)
    return team.pk if team else None


def _team(quota: Quota) -> Team | None:
    if quota.group is not None:
        return quota.group.team
    return quota.key.team if quota.key is not None else quota.team


def _told(resource: str, window: str, limit: int | None) -> dict[str, str]:
    return {"resource": resource, "window": window, "limit": "none" if limit is None else str(limit)}


def _tell(action: str, actor: User | None, quota: Quota, detail: dict[str, str]) -> None:
    tell(action, actor=actor, team=_team(quota), target=quota, detail={"scope": quota.scope} | detail)
