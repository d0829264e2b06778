"""The search test of a library: a question, settings, and what is found with them."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.libraries.access import access_library
from apps.libraries.views.shared import head
from apps.users.models import Role
from apps.users.requests import PersonRequest


@login_required
@require_safe
def search_test(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the form with the library's settings; editors only."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    context = head(request, library) | {"tab": "evaluation", "section": "test"}
    return render(request, "evaluation/test.html", context)
