"""The person's teams, and a team's settings."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.forms import cleaned
from apps.users import deletion, domains, services, signin
from apps.users.access import access_team
from apps.users.forms import DomainForm, SecondFactorForm, SwitchForm, TeamForm, TypedNameForm
from apps.users.middleware import TEAM_KEY
from apps.users.models import Membership, Role, TeamDomain
from apps.users.permissions import Action
from apps.users.requests import PersonRequest
from apps.users.team_page import team_page


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def teams(request: PersonRequest) -> HttpResponse:
    """List the person's teams, and create one."""
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        team = services.found_team(user=request.user, name=form.cleaned_data["name"])
        request.session[TEAM_KEY] = str(team.pk)
        return redirect("users:team", team.pk)
    context = {
        "form": form,
        "memberships": Membership.objects.live()
        .filter(user=request.user)
        .select_related("team")
        .order_by("team__name"),
        "closed": _closed(request),
        "may_create": settings.ENV.teams_by_members or request.user.is_staff,
    }
    return render(request, "users/teams.html", context, status=400 if form.errors else 200)


def _closed(request: PersonRequest) -> list[Membership]:
    """Return the memberships that do not count now, with the reason in their fields."""
    mine = Membership.objects.filter(user=request.user)
    rows = mine.exclude(pk__in=Membership.objects.live().filter(user=request.user))  # not all that are live anywhere
    return list(rows.select_related("team").order_by("team__name"))


@login_required
@require_POST
def switch(request: PersonRequest) -> HttpResponse:
    """Work in another team from now on."""
    access = access_team(request.user, cleaned(SwitchForm(request.POST))["team"])
    request.session[TEAM_KEY] = str(access.team.pk)
    return redirect("/")


@login_required
@require_http_methods(["GET", "HEAD"])
def team_settings(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show the team's name, domains, second factor, and how it is deleted."""
    access = access_team(request.user, team_id, may=Action.CHANGE_SETTINGS)
    return team_page(
        request,
        access,
        "settings",
        "users/settings.html",
        form=TeamForm(instance=access.team),
        domain_form=DomainForm(initial={"domain": domains.domain_of(request.user.email)}),
        domains=TeamDomain.objects.filter(team=access.team),
        may_delete=access.may(Action.DELETE_TEAM),
        undo_days=settings.ENV.team_undo_days,
    )


@login_required
@require_POST
def rename(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Give the team another name."""
    access = access_team(request.user, team_id, may=Action.CHANGE_SETTINGS)
    said = cleaned(TeamForm(request.POST))
    services.rename_team(user=request.user, access=access, name=said["name"])
    return redirect("users:team_settings", team_id)


@login_required
@require_POST
def second_factor(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Let only members with a second factor in, or everybody again."""
    access = access_team(request.user, team_id, may=Action.CHANGE_SETTINGS)
    said = cleaned(SecondFactorForm(request.POST))
    services.require_mfa(user=request.user, access=access, is_required=said["requires_mfa"])
    messages.success(request, _("Saved."))
    return redirect("users:team_settings", team_id)


@login_required
@require_POST
def add_domain(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Let people of a mail domain join by themselves."""
    access = access_team(request.user, team_id, may=Action.MANAGE_DOMAINS)
    said = cleaned(DomainForm(request.POST))
    role = Role(said["role"])
    domains.add_domain(user=request.user, access=access, domain=said["domain"], role=role)
    return redirect("users:team_settings", team_id)


@login_required
@require_POST
def remove_domain(request: PersonRequest, team_id: UUID, domain_id: UUID) -> HttpResponse:
    """Let nobody else join by a domain."""
    access = access_team(request.user, team_id, may=Action.MANAGE_DOMAINS)
    domains.remove_domain(user=request.user, access=access, domain_id=domain_id)
    return redirect("users:team_settings", team_id)


@login_required
@require_POST
def delete(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Close the team now and have it removed later; its name is typed to confirm."""
    access = access_team(request.user, team_id, may=Action.DELETE_TEAM)
    said = cleaned(TypedNameForm(request.POST))
    signin.require_proof(request)
    deletion.ask_for_deletion(user=request.user, access=access, typed_name=said["typed_name"])
    messages.success(request, _("%(team)s is closed.") % {"team": access.team})
    return redirect("users:teams")


@login_required
@require_POST
def call_back(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Undo the deletion of a team."""
    team = deletion.call_back(user=request.user, team_id=team_id)
    messages.success(request, _("%(team)s is open again.") % {"team": team})
    return redirect("users:team", team.pk) if team.suspended_at is None else redirect("users:teams")
