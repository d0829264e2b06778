"""The page of the studio, and its parts that load themselves again."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.images import shelf
from apps.images.studio_page import studio_of
from apps.images.training_page import with_adapter
from apps.images.views.shared import boards_context, team_of
from apps.users.requests import PersonRequest


@require_safe
@login_required
def studio(request: PersonRequest) -> HttpResponse:
    """Show the studio."""
    if request.team is None:
        return render(request, "chat/no_team.html")
    page = with_adapter(studio_of(request.user, request.team), request.GET.get("adapter", ""))
    return render(
        request, "images/studio.html", {"studio": page} | boards_context(request, request.team, boards=page.boards)
    )


@require_safe
@login_required
def gallery(request: PersonRequest) -> HttpResponse:
    """Return a page of the gallery."""
    asked = request.GET.dict()
    filters, after, size = shelf.filters_of(asked), shelf.after_of(asked), shelf.size_of(asked)
    found = shelf.shelf_of(request.user, team_of(request), filters, after=after, size=size)
    return render(request, "images/parts/gallery_items.html", {"gallery": found})


@require_safe
@login_required
def boards(request: PersonRequest) -> HttpResponse:
    """Return every list of boards that the page has, with `board` chosen."""
    return render(
        request, "images/parts/boards.html", boards_context(request, team_of(request), request.GET.get("board", ""))
    )
