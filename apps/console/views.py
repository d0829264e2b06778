"""The first page of the console: how the installation is, and what wants attention."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.console.findings import findings
from apps.console.plots import growth
from apps.console.standing import standing
from apps.users.access import require_system_admin
from apps.users.requests import PersonRequest


@login_required
@require_GET
def overview(request: PersonRequest) -> HttpResponse:
    """Show how the installation is; asked again by the page every ten seconds."""
    require_system_admin(request.user)
    now = standing()
    context = {"section": "overview", "now": now, "findings": findings(now), "plots": growth(now.samples)}
    name = "console/standing.html" if request.headers.get("HX-Request") == "true" else "console/overview.html"
    return render(request, name, context)
