"""The members of a team: who they are, what they may do, and who lets them."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.forms import cleaned
from apps.users import groups as group_services
from apps.users import members, signin
from apps.users.access import TeamAccess, access_team
from apps.users.errors import NameDiffers
from apps.users.forms import ChosenGroupsForm, RoleForm, TypedNameForm
from apps.users.member_list import Wanted, page_of
from apps.users.models import Group, GroupMember, Role
from apps.users.permissions import Action, matrix
from apps.users.requests import PersonRequest
from apps.users.team_page import team_page


@login_required
@require_http_methods(["GET", "HEAD"])
def team(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show the members, filtered, with what each role may do."""
    access = access_team(request.user, team_id, may=Action.SEE_MEMBERS)
    wanted = Wanted.of(request.GET)
    return team_page(
        request,
        access,
        "members",
        "users/members.html",
        wanted=wanted,
        page=page_of(access.team, wanted, request.GET.get("page", "1")),
        groups=Group.objects.filter(team=access.team),
        roles=[role for role in Role if access.role.covers(role)],
        all_roles=list(Role),
        matrix=list(matrix()),
    )


@login_required
@require_http_methods(["GET", "HEAD"])
def member(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Show one member in the drawer, with what can be done."""
    access = access_team(request.user, team_id, may=Action.SEE_MEMBERS)
    shown = members.access_member(access, membership_id)
    if not request.headers.get("Hx-Request"):
        return redirect("users:team", team_id)
    is_above = not access.role.covers(Role(shown.role))
    inside = set(GroupMember.objects.filter(membership=shown).values_list("group", flat=True))
    groups = [(group, group.pk in inside) for group in Group.objects.filter(team=access.team)]
    context = {
        "this_team": access.team,
        "member": shown,
        "is_self": shown.user_id == request.user.pk,
        "may_suspend": access.may(Action.SUSPEND_MEMBERS) and not is_above,
        "may_group": access.may(Action.MANAGE_GROUPS),
        "may_hand_over": access.may(Action.MAKE_OWNERS) and shown.suspended_at is None and shown.user.is_active,
        "groups": groups if access.may(Action.MANAGE_GROUPS) else [one for one in groups if one[1]],
    }
    return render(request, "users/parts/member_drawer.html", context)


@login_required
@require_POST
def choose_groups(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Put a member into the chosen groups, and out of all others."""
    access = access_team(request.user, team_id, may=Action.MANAGE_GROUPS)
    chosen = cleaned(ChosenGroupsForm(request.POST))["group"]
    group_services.choose_groups(user=request.user, access=access, membership_id=membership_id, group_ids=chosen)
    messages.success(request, _("Saved."))
    return redirect("users:team", team_id)


@login_required
@require_POST
def change_role(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Give a member another role."""
    access = access_team(request.user, team_id, may=Action.CHANGE_ROLES)
    role = Role(cleaned(RoleForm(request.POST))["role"])
    members.change_role(user=request.user, access=access, membership_id=membership_id, role=role)
    return redirect("users:team", team_id)


@login_required
@require_POST
def suspend(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Let a member in no more, for now."""
    access = access_team(request.user, team_id, may=Action.SUSPEND_MEMBERS)
    member = members.suspend_member(user=request.user, access=access, membership_id=membership_id)
    messages.success(request, _("%(name)s is suspended.") % {"name": member.user})
    return redirect("users:team", team_id)


@login_required
@require_POST
def resume(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Let a suspended member in again."""
    access = access_team(request.user, team_id, may=Action.SUSPEND_MEMBERS)
    member = members.resume_member(user=request.user, access=access, membership_id=membership_id)
    messages.success(request, _("%(name)s is let in again.") % {"name": member.user})
    return redirect("users:team", team_id)


@login_required
@require_POST
def remove(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Take a member out of the team."""
    access = access_team(request.user, team_id, may=Action.SUSPEND_MEMBERS)
    members.remove_member(user=request.user, access=access, membership_id=membership_id)
    return redirect("users:team", team_id)


@login_required
@require_POST
def hand_over(request: PersonRequest, team_id: UUID, membership_id: UUID) -> HttpResponse:
    """Make a member the owner in one's own place; the team's name is typed to confirm."""
    access = access_team(request.user, team_id, may=Action.MAKE_OWNERS)
    _require_name(access, TypedNameForm(request.POST))
    signin.require_proof(request)
    member = members.hand_over(user=request.user, access=access, membership_id=membership_id)
    messages.success(request, _("%(name)s owns the team now; you are an admin.") % {"name": member.user})
    return redirect("users:team", team_id)


def _require_name(access: TeamAccess, form: TypedNameForm) -> None:
    if not form.is_valid() or form.cleaned_data["typed_name"].strip() != access.team.name.strip():
        raise NameDiffers


@login_required
@require_POST
def leave(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Take oneself out of the team."""
    members.leave_team(user=request.user, access=access_team(request.user, team_id))
    return redirect("users:teams")
