"""The pages of use: the installation's, a team's, a person's own; and what is left, for the pages of others."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.core.downloads import download
from apps.core.errors import NotFound
from apps.core.spreadsheets import BOM, csv_line
from apps.core.text import uuid_or_none
from apps.metering import dashboards, usage
from apps.metering.near import AREAS, near
from apps.metering.services import remaining
from apps.metering.usage import Whose
from apps.users.access import access_team, require_system_admin
from apps.users.models import Team, User
from apps.users.permissions import Action
from apps.users.requests import PersonRequest
from apps.users.signals import tell
from apps.users.team_page import team_page

CSV_AT_ONCE = 2_000
CSV_COLUMNS = ("day", "team", "person", "api_key", "model", "resource", "amount")


@login_required
@require_GET
def system_usage(request: PersonRequest) -> HttpResponseBase:
    """Show what the installation, one of its teams or one person used."""
    require_system_admin(request.user)
    whose = Whose(_asked(Team, request.GET.get("team")), _asked(User, request.GET.get("person")))
    if request.GET.get("export") == "csv":
        return _export(request, whose, None)
    span, shown = usage.span_of(request.GET.get("period", "")), dashboards.shown_of(request.GET.get("show", ""))
    context = dashboards.context(whose, span.name, shown) | {"section": "usage", "whose": whose}
    if whose.user is None:
        context["people"] = dashboards.table(usage.by_person(whose, span, shown), shown)
    if whose.team is None and whose.user is None:
        context["teams_used"] = dashboards.table(usage.by_team(span, shown), shown)
    return render(request, "metering/system_usage.html", context)


@login_required
@require_GET
def team_usage(request: PersonRequest, team_id: UUID) -> HttpResponseBase:
    """Show a team's admins what it used, and each member's part."""
    access = access_team(request.user, team_id, may=Action.SET_LIMITS)
    person = _asked(User, request.GET.get("person"))
    whose = Whose(access.team, person)
    if request.GET.get("export") == "csv":
        return _export(request, whose, access.team)
    span, shown = usage.span_of(request.GET.get("period", "")), dashboards.shown_of(request.GET.get("show", ""))
    context = dashboards.context(whose, span.name, shown)
    if person is None:
        context["people"] = dashboards.table(usage.by_person(whose, span, shown), shown)
    if person is not None and not context["has_use"]:  # nobody learns here that a person of another team exists
        raise NotFound
    return team_page(request, access, "usage", "metering/team_usage.html", whose=whose, **context)


@login_required
@require_GET
def own_usage(request: PersonRequest) -> HttpResponseBase:
    """Show a person what they used, and what is left."""
    whose = Whose(user=request.user)
    if request.GET.get("export") == "csv":
        return _export(request, whose, None)
    shown = dashboards.shown_of(request.GET.get("show", ""))
    context = dashboards.context(whose, request.GET.get("period", ""), shown)
    context |= {
        "section": "usage",
        "whose": whose,
        "left": remaining(request.user, request.team),
        "heatmap": dashboards.heatmap(usage.by_day(request.user, dashboards.WEEKS * 7)),
    }
    return render(request, "metering/own_usage.html", context)


@login_required
@require_GET
def left(request: PersonRequest, area: str) -> HttpResponse:
    """Show again what is left for asking or uploading; the pages ask after each question and upload."""
    if area not in AREAS:
        raise NotFound
    shown = near(remaining(request.user, request.team), area)
    return render(request, "metering/left.html", {"area": area, "near": shown})


def _asked(kind: Any, pk: str | None) -> Any:
    """Return the team or person that the address names; None where it names none. Raises NotFound."""
    if not pk:
        return None
    found = kind.objects.filter(pk=uuid_or_none(pk)).first()
    if found is None:
        raise NotFound
    return found


def _export(request: PersonRequest, whose: Whose, team: Team | None) -> HttpResponseBase:
    """Send the days behind a page as a table; that it was taken is in the log."""
    span = usage.span_of(request.GET.get("period", ""))
    tell("usage.exported", actor=request.user, team=team, target=team, detail={"period": span.name})
    return download(_lines(whose, span), f"usage-{timezone.now():%Y-%m-%d}-{span.name}.csv", "text/csv")


def _lines(whose: Whose, span: usage.Span) -> Iterator[str]:
    """Yield the lines of the table; names are looked up by batch, so memory stays small."""
    yield BOM + csv_line(CSV_COLUMNS)
    rows = usage.daily(whose, span)
    batch: list[tuple[Any, ...]] = []
    for row in rows.iterator(chunk_size=CSV_AT_ONCE):
        batch.append(row)
        if len(batch) == CSV_AT_ONCE:
            yield from _named(batch)
            batch = []
    yield from _named(batch)


def _named(batch: list[tuple[Any, ...]]) -> Iterator[str]:
    teams = dict(Team.objects.filter(pk__in={row[1] for row in batch}).values_list("pk", "name"))
    people = dict(User.objects.filter(pk__in={row[2] for row in batch}).values_list("pk", "email"))
    for day, team, person, key, model, resource, amount in batch:
        yield csv_line(
            [day.isoformat(), teams.get(team, ""), people.get(person, ""), key or "", model, resource, amount]
        )
