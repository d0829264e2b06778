"""The list of libraries; the name, description and deletion of one."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import Forbidden
from apps.libraries import services
from apps.libraries.access import access_library, access_whole_library
from apps.libraries.counting import counted
from apps.libraries.errors import NameTaken
from apps.libraries.forms import LibraryForm, NewLibraryForm
from apps.libraries.models import Library
from apps.libraries.rights import rights_in
from apps.libraries.views.shared import CHANGED, head
from apps.users.access import access_team
from apps.users.models import Role
from apps.users.requests import PersonRequest

__all__ = ["CHANGED", "create", "delete", "library_list", "settings_page"]


@login_required
@require_safe
def library_list(request: PersonRequest) -> HttpResponse:
    """Show the current team's libraries with their numbers."""
    libraries: Sequence[Library] = ()
    if request.team:
        readable = list(Library.objects.readable_by(request.user).filter(team=request.team).with_locks())
        libraries = counted(readable, rights_in(request.user, [each.pk for each in readable]))
    may_create = request.role is not None and request.role.covers(Role.EDITOR)
    context = {"libraries": libraries, "may_create": may_create, "form": NewLibraryForm()}
    return render(request, "libraries/list.html", context)


@login_required
@require_POST
def create(request: PersonRequest) -> HttpResponse:
    """Create a library in the current team."""
    if request.team is None:
        raise Forbidden
    access = access_team(request.user, request.team.pk, at_least=Role.EDITOR)
    form = NewLibraryForm(request.POST)
    if form.is_valid():
        try:
            library = services.create_library(user=request.user, team=access.team, **form.cleaned_data)
        except NameTaken as error:
            form.add_error("name", error.sentence())
        else:
            return _go(
                request, "libraries:sharing" if form.cleaned_data["is_restricted"] else "libraries:library", library
            )
    status = 422 if request.headers.get("HX-Request") else 400
    return render(request, "libraries/create_form.html", {"form": form}, status=status)


def _go(request: HttpRequest, name: str, library: Library) -> HttpResponse:
    response = redirect(name, library.pk)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=200, headers={"HX-Redirect": response["Location"]})
    return response


@login_required
def settings_page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show or change name and description; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    form = LibraryForm(request.POST or None, initial={"name": library.name, "description": library.description})
    if request.method == "POST" and form.is_valid():
        try:
            services.rename_library(user=request.user, library=library, name=form.cleaned_data["name"])
        except NameTaken as error:
            form.add_error("name", error.sentence())
        else:
            services.describe_library(user=request.user, library=library, description=form.cleaned_data["description"])
            messages.success(request, _("Saved."))
            return redirect("libraries:settings", library.pk)
    context = head(request, library) | {"form": form, "tab": "settings", "section": "general"}
    return render(request, "libraries/settings.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def delete(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Delete a library whose name was typed; admins only."""
    library = access_whole_library(request.user, library_id, at_least=Role.ADMIN)
    services.delete_library(user=request.user, library=library, typed_name=request.POST.get("typed_name", ""))
    messages.success(request, _("The library “%(name)s” was deleted.") % {"name": library.name})
    return redirect("libraries:list")
