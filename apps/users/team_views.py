"""The pages of teams: members, roles, invitations."""

from uuid import UUID

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.errors import Invalid
from apps.users import services
from apps.users.access import TeamAccess, access_team
from apps.users.errors import AddressTaken
from apps.users.forms import InvitationForm, JoinForm, RoleForm, SwitchForm, TeamForm
from apps.users.middleware import TEAM_KEY
from apps.users.models import Invitation, Membership, Role
from apps.users.requests import PersonRequest

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def teams(request: PersonRequest) -> HttpResponse:
    """List the person's teams, and create one."""
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        team = services.found_team(user=request.user, name=form.cleaned_data["name"])
        request.session[TEAM_KEY] = str(team.pk)
        return redirect("users:team", team.pk)
    memberships = Membership.objects.filter(user=request.user).select_related("team").order_by("team__name")
    context = {
        "form": form,
        "memberships": memberships,
        "may_create": settings.ENV.teams_by_members or request.user.is_staff,
    }
    return render(request, "users/teams.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def switch(request: PersonRequest) -> HttpResponse:
    """Work in another team from now on."""
    form = SwitchForm(request.POST)
    if not form.is_valid():
        raise Invalid
    access = access_team(request.user, form.cleaned_data["team"])
    request.session[TEAM_KEY] = str(access.team.pk)
    return redirect("/")


@login_required
@require_http_methods(["GET", "HEAD"])
def team(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show the members, and for admins the invitations."""
    return _team_page(request, access_team(request.user, team_id))


def _team_page(
    request: PersonRequest, access: TeamAccess, *, form: InvitationForm | None = None, link: str = ""
) -> HttpResponse:
    is_admin = access.role.covers(Role.ADMIN)
    members = Membership.objects.filter(team=access.team).select_related("user").order_by("created_at")
    invitations = Invitation.objects.filter(team=access.team, accepted_at=None, revoked_at=None)
    context = {
        "this_team": access.team,
        "access": access,
        "is_admin": is_admin,
        "members": members,
        "roles": [role for role in Role if access.role.covers(role)],
        "own_rank": access.role.rank,
        "invitations": [one for one in invitations.order_by("-created_at") if one.is_open] if is_admin else [],
        "invitation_form": form or InvitationForm(highest=access.role),
        "link": link,
    }
    return render(request, "users/team.html", context, status=400 if form and form.errors else 200)


@login_required
@require_POST
def rename(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Give the team another name."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    form = TeamForm(request.POST)
    if not form.is_valid():
        raise Invalid
    services.rename_team(user=request.user, access=access, name=form.cleaned_data["name"])
    return redirect("users:team", team_id)


@login_required
@require_POST
def change_role(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Give a member another role."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise Invalid
    role = Role(form.cleaned_data["role"])
    services.change_role(user=request.user, access=access, membership_id=membership_id, role=role)
    return redirect("users:team", team_id)


@login_required
@require_POST
def remove(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Take a member out of the team."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    services.remove_member(user=request.user, access=access, membership_id=membership_id)
    return redirect("users:team", team_id)


@login_required
@require_POST
def leave(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Take oneself out of the team."""
    services.leave_team(user=request.user, access=access_team(request.user, team_id))
    return redirect("users:teams")


@login_required
@require_POST
def invite(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Make an invitation and show its link, this one time."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    form = InvitationForm(request.POST, highest=access.role)
    if not form.is_valid():
        return _team_page(request, access, form=form)
    given = form.cleaned_data
    _, token = services.invite(
        user=request.user, access=access, role=Role(given["role"]), email=given["email"], days=given["days"]
    )
    response = _team_page(request, access, link=settings.PUBLIC_URL + reverse("users:invitation", args=[token]))
    response.headers["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def revoke(request: PersonRequest, team_id: UUID, invitation_id: UUID) -> HttpResponse:
    """Make a link useless."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    services.revoke_invitation(user=request.user, access=access, invitation_id=invitation_id)
    return redirect("users:team", team_id)


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation; accept it as the signed-in person, or by creating an account."""
    found = services.find_invitation(token)
    if request.user.is_authenticated:
        if request.method == "POST":
            membership = services.accept_invitation(user=request.user, token=token)
            request.session[TEAM_KEY] = str(membership.team_id)
            return redirect("/")
        return _no_store(render(request, "users/invitation.html", {"invitation": found}))
    form = JoinForm(request.POST if request.method == "POST" else None, bound_email=found.email)
    if request.method == "POST" and form.is_valid() and _join(request, token, form):
        return redirect("/")
    context = {"invitation": found, "form": form}
    return _no_store(render(request, "users/invitation.html", context, status=400 if form.errors else 200))


def _join(request: HttpRequest, token: str, form: JoinForm) -> bool:
    given = form.cleaned_data
    try:
        user = services.join_with_new_account(
            token=token, email=given["email"], name=given["name"], password=given["password"]
        )
    except AddressTaken as error:
        form.add_error("email", error.sentence())
        return False
    login(request, user, backend=BACKEND)
    return True


def _no_store(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is a secret
    return response
