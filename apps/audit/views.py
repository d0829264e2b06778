"""The log as a timeline: of the whole installation for its administrators, of one team for its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.audit import reading
from apps.audit.actions import FAMILIES, Family, family_of, words_of
from apps.audit.models import AuditEvent
from apps.audit.services import record
from apps.core.downloads import download
from apps.users.access import access_team, require_system_admin
from apps.users.models import Role, Team
from apps.users.requests import PersonRequest


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as the timeline shows it."""

    event: AuditEvent
    words: str
    family: Family
    team: str


@login_required
@require_GET
def system_log(request: PersonRequest) -> HttpResponseBase:
    """Show or export the log of the installation."""
    require_system_admin(request.user)
    return _answer(request, None)


@login_required
@require_GET
def team_log(request: PersonRequest, team_id: UUID) -> HttpResponseBase:
    """Show or export what happened in one team."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    return _answer(request, access.team)


def _answer(request: PersonRequest, team: Team | None) -> HttpResponseBase:
    asked = reading.asked_of(request.GET.dict())
    rows = reading.events(asked, team=team)
    if form := request.GET.get("export", ""):
        return _export(request, rows, form, team)
    before = request.GET.get("before", "")
    page, following = reading.page_of(rows, int(before) if before.isdecimal() and len(before) < 19 else None)  # noqa: PLR2004 -- digits of a bigint
    context = {
        "section": "audit",
        "this_team": team,
        "days": _by_day(_entries(page)),
        "following": following,
        "asked": asked,
        "families": FAMILIES,
        "query": _query(request, "before", "export"),
        "filters": _query(request, "before"),
    }
    rest = bool(before) and request.headers.get("HX-Request") == "true"
    name = "audit/timeline.html" if rest else "audit/team.html" if team else "audit/system.html"
    return render(request, name, context)


def _query(request: PersonRequest, *without: str) -> str:
    query = request.GET.copy()
    for name in without:
        query.pop(name, None)
    return query.urlencode()


def _export(request: PersonRequest, rows: QuerySet[AuditEvent], form: str, team: Team | None) -> HttpResponseBase:
    ending, lines, kind = (
        ("csv", reading.as_csv(rows), "text/csv")
        if form == "csv"
        else ("jsonl", reading.as_jsonl(rows), "application/x-ndjson")
    )
    record("audit.exported", actor=request.user, team=team, detail={"form": ending})
    return download(lines, f"audit-{timezone.localdate().isoformat()}.{ending}", kind)


def _entries(page: Sequence[AuditEvent]) -> list[Entry]:
    teams = {event.team_id for event in page if event.team_id}
    names = dict(Team.objects.filter(pk__in=teams).values_list("pk", "name")) if teams else {}
    return [
        Entry(
            event,
            words_of(event.action),
            family_of(event.action),
            names.get(event.team_id, "") if event.team_id else "",
        )
        for event in page
    ]


def _by_day(entries: Sequence[Entry]) -> list[tuple[object, list[Entry]]]:
    days = groupby(entries, key=lambda entry: timezone.localtime(entry.event.at).date())
    return [(day, list(events)) for day, events in days]
