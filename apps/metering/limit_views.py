"""The limits that a team's admins set for its members, groups and keys, never above the team's own."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.errors import Invalid, NotFound
from apps.metering import overview, subjects
from apps.metering.errors import AboveTeam
from apps.metering.forms import TEAM_SCOPES, LimitForm
from apps.metering.limits import Limit, remove_limit, set_limit
from apps.metering.models import Behaviour, Scope
from apps.metering.services import Remaining, remaining
from apps.metering.wording import amount_of
from apps.users.access import access_team
from apps.users.models import Team
from apps.users.permissions import Action
from apps.users.requests import PersonRequest
from apps.users.team_page import team_page


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_limits(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show what the team may use and the parts that its admins made of it, and make another part."""
    access = access_team(request.user, team_id, may=Action.SET_LIMITS)
    team = access.team
    form = LimitForm(request.POST if request.method == "POST" else None, scopes=TEAM_SCOPES)
    if request.method == "POST" and form.is_valid():
        named = subjects.named(form.cleaned_data["scope"], form.cleaned_data["subject"], team)
        if not named:  # a default of everybody's is not a team's to make
            raise Invalid
        limit = form.limit(named)
        _refuse_more(team, limit)
        set_limit(limit, actor=request.user)
        messages.success(request, _("The limit holds from now on. What was used so far counts."))
        return redirect("metering:team_limits", team.pk)
    return team_page(
        request,
        access,
        "limits",
        "metering/team_limits.html",
        status=422 if form.errors else 200,
        whole=_of_team(team),
        rows=overview.rows(list(overview.of_team(team)[:200])),
        form=form,
    )


@login_required
@require_POST
def remove_team_limit(request: PersonRequest, team_id: UUID, quota_id: UUID) -> HttpResponse:
    """Take back a limit of a member, group or key of the team."""
    team = access_team(request.user, team_id, may=Action.SET_LIMITS).team
    quota = overview.of_team(team).filter(pk=quota_id).first()
    if quota is None:
        raise NotFound
    remove_limit(quota, actor=request.user)
    messages.success(request, _("The limit is gone."))
    return redirect("metering:team_limits", team.pk)


@login_required
@require_GET
def team_subjects(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """List the members, groups or keys of the team that a limit can name."""
    team = access_team(request.user, team_id, may=Action.SET_LIMITS).team
    scope = request.GET.get("scope", "")
    if scope not in TEAM_SCOPES:
        raise Invalid
    found = subjects.find(scope, request.GET.get("q", ""), team)
    return render(request, "metering/subjects.html", {"subjects": found, "everybody": _everybody(scope)})


def _everybody(scope: str) -> str:
    return _("Each member") if scope == Scope.MEMBER else ""


def _of_team(team: Team) -> list[Remaining]:
    """Return what the installation allows the team, soonest full first."""
    return sorted(
        (one for one in remaining(None, team) if one.scope in (Scope.TEAM, Scope.SYSTEM)), key=lambda one: -one.fraction
    )


def _refuse_more(team: Team, limit: Limit) -> None:
    """Raise AboveTeam where a part is larger than what the team has of it in the same window."""
    for whole in _of_team(team):
        same: Any = (whole.scope, whole.resource, whole.window) == (Scope.TEAM, limit.resource, limit.window)
        if same and whole.behaviour == Behaviour.BLOCK and limit.limit > whole.limit:
            raise AboveTeam(limit=amount_of(limit.resource, whole.limit))
