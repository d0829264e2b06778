"""The groups of a team."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.forms import cleaned
from apps.core.text import typed
from apps.users import groups
from apps.users.access import access_team
from apps.users.forms import ChosenMembersForm, GroupForm
from apps.users.member_list import PAGE, candidates, matching, members_of
from apps.users.models import Group
from apps.users.permissions import Action
from apps.users.requests import PersonRequest
from apps.users.team_page import team_page


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def group_list(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """List the groups; create one."""
    is_new = request.method == "POST"
    access = access_team(request.user, team_id, may=Action.MANAGE_GROUPS if is_new else Action.SEE_MEMBERS)
    form = GroupForm(request.POST if is_new else None)
    if is_new and form.is_valid():
        group = groups.create_group(user=request.user, access=access, **form.cleaned_data)
        return redirect("users:group", team_id, group.pk)
    rows = Group.objects.filter(team=access.team).annotate(size=Count("members")).order_by("name", "pk")
    return team_page(
        request,
        access,
        "groups",
        "users/groups.html",
        status=400 if form.errors else 200,
        page=Paginator(rows, PAGE).get_page(request.GET.get("page", "1")),
        form=form,
    )


@login_required
@require_http_methods(["GET", "HEAD"])
def group(request: PersonRequest, team_id: UUID, group_id: UUID) -> HttpResponse:
    """Show who is in a group."""
    access = access_team(request.user, team_id, may=Action.SEE_MEMBERS)
    shown = groups.access_group(access, group_id)
    text = typed(request.GET.get("q", ""))
    rows = matching(members_of(access.team).filter(groups__group=shown), text)
    return team_page(
        request,
        access,
        "groups",
        "users/group.html",
        group=shown,
        q=text,
        page=Paginator(rows, PAGE).get_page(request.GET.get("page", "1")),
        form=GroupForm(instance=shown),
    )


@login_required
@require_GET
def find(request: PersonRequest, team_id: UUID, group_id: UUID) -> HttpResponse:
    """Return members to put into the group, as checkboxes."""
    access = access_team(request.user, team_id, may=Action.MANAGE_GROUPS)
    shown = groups.access_group(access, group_id)
    text = typed(request.GET.get("find", ""))
    return render(request, "users/parts/candidates.html", {"candidates": candidates(shown, text), "text": text})


@login_required
@require_POST
def change(request: PersonRequest, team_id: UUID, group_id: UUID) -> HttpResponse:
    """Give a group another name and description."""
    access = access_team(request.user, team_id, may=Action.MANAGE_GROUPS)
    said = cleaned(GroupForm(request.POST))
    groups.change_group(user=request.user, access=access, group_id=group_id, **said)
    return redirect("users:group", team_id, group_id)


@login_required
@require_POST
def delete(request: PersonRequest, team_id: UUID, group_id: UUID) -> HttpResponse:
    """Delete a group."""
    access = access_team(request.user, team_id, may=Action.MANAGE_GROUPS)
    groups.delete_group(user=request.user, access=access, group_id=group_id)
    messages.success(request, _("The group is deleted."))
    return redirect("users:groups", team_id)


@login_required
@require_POST
def add(request: PersonRequest, team_id: UUID, group_id: UUID) -> HttpResponse:
    """Put the chosen members into the group."""
    access = access_team(request.user, team_id, may=Action.MANAGE_GROUPS)
    chosen = cleaned(ChosenMembersForm(request.POST))["member"]
    n = groups.add_members(user=request.user, access=access, group_id=group_id, membership_ids=chosen)
    messages.success(request, ngettext("%(n)s member added.", "%(n)s members added.", n) % {"n": n})
    return redirect("users:group", team_id, group_id)


@login_required
@require_POST
def take_out(request: PersonRequest, team_id: UUID, group_id: UUID, membership_id: UUID) -> HttpResponse:
    """Take a member out of the group."""
    access = access_team(request.user, team_id, may=Action.MANAGE_GROUPS)
    groups.remove_member(user=request.user, access=access, group_id=group_id, membership_id=membership_id)
    return redirect("users:group", team_id, group_id)
