"""How members of a team sign in: who has a second factor, and what the provider's groups mean here."""

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.forms import offer
from apps.users import oidc_sync
from apps.users.access import TeamAccess, access_team
from apps.users.mfa import FACTORS
from apps.users.models import Group, GroupMapping, Membership, Role
from apps.users.permissions import Action
from apps.users.requests import PersonRequest
from apps.users.team_page import team_page

MOST_MAPPINGS = 500


class MappingForm(forms.Form):
    """What a group of the provider means in this team."""

    claim = forms.CharField(label=_("Group of the provider"), max_length=oidc_sync.CLAIM_CHARS)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.VIEWER)
    group = forms.ChoiceField(label=_("Group of the team"), required=False)

    def __init__(self, *args: Any, access: TeamAccess, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = Group.objects.filter(team=access.team).values_list("pk", "name")[:MOST_MAPPINGS]
        offer(self, {
            "role": [(role.value, role.label) for role in Role if access.role.covers(role)],
            "group": [("", _("None")), *((str(pk), name) for pk, name in groups)],
        })  # fmt: skip

    def clean_group(self) -> UUID | None:
        """Return the group's id."""
        chosen = self.cleaned_data["group"]
        return UUID(chosen) if chosen else None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_signin(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show and add what the provider's groups mean; count who has a second factor."""
    access = access_team(request.user, team_id, may=Action.CHANGE_SETTINGS)
    form = MappingForm(request.POST if request.method == "POST" else None, access=access)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        role = Role(data["role"])
        oidc_sync.add_mapping(user=request.user, access=access, claim=data["claim"], role=role, group_id=data["group"])
        return redirect("users:team_signin", team_id)
    return team_page(
        request,
        access,
        "signin",
        "users/team_signin.html",
        status=400 if form.errors else 200,
        form=form,
        mappings=GroupMapping.objects.filter(team=access.team).select_related("group")[:MOST_MAPPINGS],
        oidc_name=settings.ENV.oidc_name if settings.ENV.oidc_issuer else "",
        **_factors(access),
    )


def _factors(access: TeamAccess) -> dict[str, int]:
    """Return how many members there are, and how many of them have a second factor; two queries."""
    members = Membership.objects.live().filter(team=access.team)
    owners = Authenticator.objects.filter(type__in=FACTORS, user_id__in=members.values("user_id"))
    return {"members": members.count(), "members_with_factor": owners.values("user_id").distinct().count()}


@login_required
@require_POST
def mapping_remove(request: PersonRequest, team_id: UUID, mapping_id: UUID) -> HttpResponse:
    """Take a mapping away."""
    access = access_team(request.user, team_id, may=Action.CHANGE_SETTINGS)
    oidc_sync.remove_mapping(user=request.user, access=access, mapping_id=mapping_id)
    return redirect("users:team_signin", team_id)
