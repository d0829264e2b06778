"""The list of libraries, one library's documents, its settings."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import Forbidden
from apps.libraries import services
from apps.libraries.access import access_library
from apps.libraries.errors import NameTaken
from apps.libraries.forms import LibraryForm
from apps.libraries.models import Document, Library
from apps.users.access import access_team, role_in
from apps.users.models import Role
from apps.users.requests import PersonRequest

PAGE_ROWS = 50
CHANGED = "kb:documents"  # the event on which the table loads itself again


@login_required
@require_safe
def library_list(request: PersonRequest) -> HttpResponse:
    """Show the current team's libraries with their numbers."""
    libraries = (
        Library.objects.readable_by(request.user).filter(team=request.team).with_counts() if request.team else ()
    )
    may_create = request.role is not None and request.role.covers(Role.EDITOR)
    context = {"libraries": libraries, "may_create": may_create, "form": LibraryForm()}
    return render(request, "libraries/list.html", context)


@login_required
@require_POST
def create(request: PersonRequest) -> HttpResponse:
    """Create a library in the current team."""
    if request.team is None:
        raise Forbidden
    access = access_team(request.user, request.team.pk, at_least=Role.EDITOR)
    form = LibraryForm(request.POST)
    if form.is_valid():
        try:
            library = services.create_library(user=request.user, team=access.team, **form.cleaned_data)
        except NameTaken as error:
            form.add_error("name", error.sentence())
        else:
            return _go(request, library)
    status = 422 if request.headers.get("HX-Request") else 400
    return render(request, "libraries/create_form.html", {"form": form}, status=status)


def _go(request: HttpRequest, library: Library) -> HttpResponse:
    response = redirect("libraries:library", library.pk)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=200, headers={"HX-Redirect": response["Location"]})
    return response


@login_required
@require_safe
def library_page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show a library's documents."""
    library = access_library(request.user, library_id)
    context = _context(request, library) | {"tab": "documents", "deleted": _just_deleted(request, library)}
    return render(request, "libraries/library.html", context)


@login_required
@require_safe
def rows(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return the table of documents alone, for a page that asks again after an upload or an undo."""
    library = access_library(request.user, library_id)
    return render(request, "libraries/documents.html", _context(request, library))


@login_required
@require_safe
def progress(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return the rows named by `id` as they are now, to be swapped one by one; asked while any is unsettled."""
    library = access_library(request.user, library_id)
    ids = [value for value in map(_uuid, request.GET.getlist("id")[:PAGE_ROWS]) if value]
    documents = list(_documents(library).filter(pk__in=ids))
    context = _head(request, library) | {
        "documents": documents,
        "is_live": any(not document.is_settled for document in documents),
    }
    return render(request, "libraries/progress.html", context)


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
    context = _head(request, library) | {"form": form, "tab": "settings"}
    return render(request, "libraries/settings.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def delete(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Delete a library whose name was typed; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    services.delete_library(user=request.user, library=library, typed_name=request.POST.get("typed_name", ""))
    messages.success(request, _("The library “%(name)s” was deleted.") % {"name": library.name})
    return redirect("libraries:list")


def _context(request: PersonRequest, library: Library) -> dict[str, object]:
    page = _page(request, library)
    is_live = any(not document.is_settled for document in page.object_list)
    return _head(request, library) | {"page": page, "documents": page.object_list, "is_live": is_live}


def _head(request: PersonRequest, library: Library) -> dict[str, object]:
    """Return what the head of every library page shows: its numbers, and what the person may do."""
    counted = Library.objects.with_counts().get(pk=library.pk)
    return _rights(request, library) | {"library": counted}


def _rights(request: PersonRequest, library: Library) -> dict[str, object]:
    role = role_in(request.user, library.team_id)
    return {
        "may_edit": role is not None and role.covers(Role.EDITOR),
        "may_manage": role is not None and role.covers(Role.ADMIN),
    }


def _page(request: HttpRequest, library: Library) -> Page[Document]:
    return Paginator(_documents(library), PAGE_ROWS).get_page(request.GET.get("page"))


def _documents(library: Library) -> QuerySet[Document]:
    documents = Document.objects.filter(library=library, deleted_at=None)
    return documents.select_related("current_version", "uploaded_by").order_by("-created_at", "pk")


def _just_deleted(request: HttpRequest, library: Library) -> Document | None:
    """Return the document that its own page deleted and sent here, to offer an undo."""
    deleted = _uuid(request.GET.get("deleted", ""))
    return library.documents.filter(pk=deleted).exclude(deleted_at=None).first() if deleted else None


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
