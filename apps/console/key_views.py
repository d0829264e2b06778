"""API keys: one's own, and those that act in a team. The secret is shown once, in the answer to its making."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.console.key_forms import KeyForm
from apps.core.errors import NotFound
from apps.libraries.models import Library
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Quota, Scope
from apps.users import keys
from apps.users.access import TeamAccess, access_team
from apps.users.models import ApiKey, Role, Team, User
from apps.users.permissions import Action
from apps.users.requests import PersonRequest
from apps.users.signin import require_proof

FORM_KEPT_S = 24 * 3600
READ_OR_POST = ["GET", "HEAD", "POST"]


@login_required
@never_cache
@require_http_methods(READ_OR_POST)
def own_keys(request: PersonRequest) -> HttpResponse:
    """Show the person's keys; make one for the team that they work in."""
    mine = keys.keys_of(request.user)
    if request.team is None:
        if request.method == "POST":
            raise NotFound
        return render(request, "console/keys/own.html", {"section": "keys", "keys": _listed(mine)})
    access = access_team(request.user, request.team.pk, may=Action.OWN_KEYS)
    return _answer(request, access, mine, {"section": "keys"}, "console/keys/own.html")


@login_required
@never_cache
@require_http_methods(READ_OR_POST)
def team_keys(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show all keys that act in the team; make one that is the team's."""
    access = access_team(request.user, team_id, may=Action.TEAM_KEYS)
    context: dict[str, Any] = {
        "section": "keys",
        "this_team": access.team,
        "is_admin": access.role.covers(Role.ADMIN),
    }
    return _answer(request, access, keys.keys_of_team(access), context, "console/keys/team.html")


def _answer(
    request: PersonRequest, access: TeamAccess, rows: QuerySet[ApiKey], context: dict[str, Any], template: str
) -> HttpResponse:
    """Make the key that was asked for, then list `rows`; a team's page makes keys of the team."""
    scopes, libraries, status = keys.scopes_of(access), _libraries(request.user, access.team), 200
    form = KeyForm(request.POST if request.method == "POST" else None, scopes=scopes, libraries=libraries)
    if request.method == "POST" and form.is_valid():
        require_proof(request)
        if not _is_first(request.user, form):
            return redirect(request.path)
        key, secret = _make(request.user, access, form, is_shared="this_team" in context)
        context |= {"secret": secret, "made": key, "api_address": settings.PUBLIC_URL + reverse("api:me")}
        form, status = KeyForm(scopes=scopes, libraries=libraries), 201
    context |= {"form": form, "key_team": access.team, "keys": _listed(rows.all())}
    return render(request, template, context, status=400 if form.errors else status)


def _is_first(user: User, form: KeyForm) -> bool:
    """Return whether this form was not sent before: the page that shows a secret may be loaded again."""
    once = form.cleaned_data["once"]
    return not once or bool(cache.add(f"key-form:{user.pk}:{once}", 1, FORM_KEPT_S))


@transaction.atomic
def _make(user: User, access: TeamAccess, form: KeyForm, *, is_shared: bool) -> tuple[ApiKey, str]:
    key, secret = keys.create_key(user=user, access=access, wish=form.wish(is_shared=is_shared))
    for budget in form.budgets():
        limit = Limit(scope=Scope.KEY, resource=budget.resource, window=budget.window, limit=budget.amount, key=key)
        set_limit(limit, actor=user)
    return key, secret


def _libraries(user: User, team: Team) -> list[Library]:
    return list(Library.objects.readable_by(user).filter(team=team).order_by("name"))


def _listed(rows: QuerySet[ApiKey]) -> list[dict[str, Any]]:
    """Return the keys that still count first, each with its budgets; two queries."""
    found = sorted(rows[:200], key=lambda key: not key.is_open)
    budgets: dict[UUID, list[Quota]] = {}
    for quota in Quota.objects.filter(scope=Scope.KEY, key__in=[key.pk for key in found], is_enabled=True):
        if quota.key_id is not None:
            budgets.setdefault(quota.key_id, []).append(quota)
    return [{"key": key, "budgets": budgets.get(key.pk, [])} for key in found]


@login_required
@require_POST
def revoke_own(request: PersonRequest, key_id: UUID) -> HttpResponse:
    """Make one of the person's keys useless."""
    key = ApiKey.objects.filter(user=request.user, pk=key_id).select_related("team").first()
    if key is None:
        raise NotFound
    return _revoke(request, key, redirect("keys:own"))


@login_required
@require_POST
def revoke_in_team(request: PersonRequest, team_id: UUID, key_id: UUID) -> HttpResponse:
    """Make a key useless that acts in a team, whosever it is."""
    access = access_team(request.user, team_id, may=Action.TEAM_KEYS)
    key = keys.keys_of_team(access).filter(pk=key_id).first()
    if key is None:
        raise NotFound
    return _revoke(request, key, redirect("keys:team", team_id))


def _revoke(request: PersonRequest, key: ApiKey, then: HttpResponse) -> HttpResponse:
    keys.revoke_key(user=request.user, key=key)
    messages.success(request, _("The key “%(name)s” no longer works.") % {"name": key.name})
    return then
