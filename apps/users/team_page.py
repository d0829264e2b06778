"""What every page of a team shows: its name, its tabs, and who looks at it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from apps.users.access import TeamAccess
from apps.users.models import Role
from apps.users.requests import PersonRequest


def team_page(
    request: PersonRequest, access: TeamAccess, section: str, template: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """Return a page of a team: `section` is its entry in templates/users/team_tabs.html."""
    shared = {
        "this_team": access.team,
        "access": access,
        "is_admin": access.role.covers(Role.ADMIN),
        "is_owner": access.role is Role.OWNER,
        "own_rank": access.role.rank,
        "section": section,
    }
    return render(request, template, shared | context, status=status)
