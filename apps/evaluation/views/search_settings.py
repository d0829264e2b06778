"""Settings → Search: how a library is searched by chats, in plain words; its managers change it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.errors import AppError
from apps.evaluation import search_settings
from apps.libraries.access import access_library
from apps.libraries.models import Library
from apps.libraries.views.shared import head
from apps.rag.options import SearchSettings, as_json
from apps.users.models import Role
from apps.users.requests import PersonRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the settings, or store others; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    saved = search_settings.settings_of(library)
    if request.method != "POST":
        return _page(request, library, saved)
    try:
        wanted = search_settings.parse(request.POST, saved)
    except AppError as error:
        return _page(request, library, saved, error)
    changed = search_settings.save_settings(user=request.user, library=library, settings=wanted)
    messages.success(request, _("Saved. The next questions are searched like this.") if changed else _("No change."))
    return redirect("evaluation:settings", library.pk)


@login_required
@require_POST
def changes(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show what saving the settings of a test would change; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    saved = search_settings.settings_of(library)
    prefix = "b-" if request.POST.get("side") == "b" else "a-"
    wanted = search_settings.parse(request.POST, saved, prefix=prefix)
    context = {
        "library": library,
        "changes": search_settings.changes(saved, wanted),
        "hidden": list(search_settings.hidden_of(wanted)),
    }
    return render(request, "evaluation/save_settings.html", context)


@login_required
@require_POST
def reset(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Go back to the defaults; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    search_settings.save_settings(user=request.user, library=library, settings=SearchSettings())
    messages.success(request, _("The library is searched by the defaults again."))
    return redirect("evaluation:settings", library.pk)


def _page(
    request: PersonRequest, library: Library, settings: SearchSettings, error: AppError | None = None
) -> HttpResponse:
    usual = {each.setting.name: each.words for each in search_settings.fields_of(SearchSettings())}
    context = head(request, library) | {
        "tab": "settings",
        "section": "search",
        "fields": [(each, usual[each.setting.name]) for each in search_settings.fields_of(settings)],
        "is_changed": bool(as_json(settings)),
        "has_reranker": search_settings.has_reranker(),
        "problem": error.sentence() if error else "",
    }
    return render(request, "evaluation/search_settings.html", context, status=error.status if error else 200)
