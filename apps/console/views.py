"""The first page of the console."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.users.access import require_system_admin
from apps.users.requests import PersonRequest


@login_required
@require_GET
def overview(request: PersonRequest) -> HttpResponse:
    """Show how the installation is."""
    require_system_admin(request.user)
    return render(request, "console/overview.html", {"section": "overview"})
