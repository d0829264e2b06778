"""Limits as a table: whose, of what, how much of it is used now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.metering import sql
from apps.metering.ledger import of_settings
from apps.metering.limits import subject_of
from apps.metering.models import Behaviour, Counter, Quota, Resource, Scope, Window
from apps.metering.wording import amount_of, number_of
from apps.users.models import Team


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A line of a table of limits. `used` is None for what is counted apart for each of many."""

    quota: Quota
    owner: str
    hint: str
    limit: str
    used: int | None
    resets_at: datetime | None
    setting: str = ""  # the setting that makes the limit; it cannot be edited here

    @property
    def used_text(self) -> str:
        """Return what is used, in words."""
        return number_of(self.quota.resource, self.used or 0)

    @property
    def percent(self) -> int:
        """Return the part that is used, 0 to 100."""
        if self.used is None:
            return 0
        return min(100, round(100 * self.used / self.quota.limit)) if self.quota.limit else 100

    @property
    def state(self) -> str:
        """Return off, full, near or ok."""
        if not self.quota.is_enabled:
            return "off"
        return "full" if self.percent >= 100 else "near" if self.percent >= self.quota.warn_percent else "ok"  # noqa: PLR2004

    @property
    def does(self) -> str:
        """Return what happens at the limit."""
        if self.quota.behaviour == Behaviour.DEGRADE and self.quota.fallback_model:
            return _("%(model)s answers") % {"model": self.quota.fallback_model}
        return _("Refuses")


def named() -> QuerySet[Quota]:
    """Return limits with the names that their rows need."""
    return Quota.objects.select_related("team", "user", "group__team", "key__team")


def of_team(team: Team) -> QuerySet[Quota]:
    """Return the limits that a team's admins make: of its members, groups and keys."""
    inside = Q(scope=Scope.MEMBER, team=team) | Q(group__team=team) | Q(key__team=team)
    return named().filter(inside).order_by("scope", "resource", "created_at")


def rows(quotas: Sequence[Quota]) -> list[LimitRow]:
    """Return the limits with what is used of them now; one query beside theirs."""
    starts, ends = _windows()
    subjects = {quota.pk: subject_of(quota) for quota in quotas}
    counters = Counter.objects.filter(
        subject__in={subject for subject in subjects.values() if subject}, starts_at__in=starts.values()
    )
    used = {(one.scope, one.subject, one.resource, one.window): one.used + one.held for one in counters}
    found = []
    for quota in quotas:
        subject = subjects[quota.pk]
        count = None
        if subject is not None and quota.is_enabled:
            count = used.get((quota.scope, subject, quota.resource, quota.window), 0)
        owner, hint = owner_of(quota)
        found.append(LimitRow(quota, owner, hint, limit_text(quota), count, ends[quota.window]))
    return found


def from_settings() -> list[LimitRow]:
    """Return the limits that settings make where no default row stands in their place."""
    _starts, ends = _windows()
    over = set(
        Quota.objects.filter(team=None, user=None, group=None, key=None).values_list("scope", "resource", "window")
    )
    found = []
    for one in of_settings():
        if one.limit and one[:3] not in over:
            quota = Quota(scope=one.scope, resource=one.resource, window=one.window, limit=one.limit)
            owner, hint = owner_of(quota)
            found.append(LimitRow(quota, owner, hint, limit_text(quota), None, ends[one.window], one.setting))
    return found


def owner_of(quota: Quota) -> tuple[str, str]:
    """Return whose limit it is, and what sort of owner that is."""
    scope = Scope(quota.scope)
    if scope == Scope.SYSTEM:
        return _("The whole installation"), ""
    if scope == Scope.MEMBER:
        return _member(quota)
    named: Any = quota.team or quota.user or quota.group or quota.key
    if named is None:
        everybody = {
            Scope.TEAM: _("Each team"),
            Scope.GROUP: _("Each group"),
            Scope.USER: _("Each person"),
            Scope.KEY: _("Each API key"),
        }
        return everybody[scope], ""
    kind = {Scope.TEAM: _("Team"), Scope.GROUP: _("Group"), Scope.USER: _("Person"), Scope.KEY: _("API key")}[scope]
    team = getattr(named, "team", None)
    return str(named.name or named), f"{kind} · {team.name}" if team else kind


def _member(quota: Quota) -> tuple[str, str]:
    if quota.user is not None and quota.team is not None:
        return str(quota.user), _("in %(team)s") % {"team": quota.team.name}
    if quota.team is not None:
        return _("Each member"), _("of %(team)s") % {"team": quota.team.name}
    return _("Each member of each team"), ""


def limit_text(quota: Quota) -> str:
    """Return a limit in words: `500 questions per day`."""
    amount = amount_of(quota.resource, quota.limit)
    if quota.resource == Resource.GENERATIONS:
        return _("%(amount)s at the same time") % {"amount": amount}
    return {
        Window.MINUTE: _("%(amount)s per minute"),
        Window.DAY: _("%(amount)s per day"),
        Window.MONTH: _("%(amount)s per month"),
        Window.TOTAL: _("%(amount)s in all"),
    }[Window(quota.window)] % {"amount": amount}


def _windows() -> tuple[dict[str, datetime], dict[str, datetime | None]]:
    """Return where each window began and where it ends, by our clock; counters of the database's agree but for ms."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH clock AS (SELECT %(now)s::timestamptz AS t),{sql.WINDOWS} SELECT * FROM windows",  # noqa: S608
            {"now": timezone.now().astimezone(UTC)},
        )
        found: list[tuple[str, datetime, datetime | None]] = cursor.fetchall()
    return {name: starts for name, starts, _end in found}, {name: ends for name, _start, ends in found}
