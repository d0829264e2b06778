"""The documents of a library: the page, its table alone, and rows that change while they are read."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.core.text import uuid_or_none
from apps.libraries.access import access_library
from apps.libraries.listing import ROWS, listing
from apps.libraries.models import Document, Level, Library
from apps.libraries.rights import Rights, folder_level
from apps.libraries.selection import listed
from apps.libraries.trash import in_trash
from apps.libraries.views.shared import CHANGED, head, mark, said
from apps.users.requests import PersonRequest

PROGRESS_ROWS = 100


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
    """Return the table alone, for a page that asks again after a change; a search writes its address into the bar."""
    library = access_library(request.user, library_id)
    context = _context(request, library)
    response = render(request, "libraries/documents.html", context)
    if request.headers.get("HX-Trigger-Name") == "q":
        address = reverse("libraries:library", args=[library.pk])
        query = context["listing"].wanted.query  # type: ignore[attr-defined]  # a Listing
        response["HX-Replace-Url"] = f"{address}?{query}" if query else address
    return response


@login_required
@require_safe
def progress(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return the rows named by `id` as they are now, to be swapped one by one; asked while any is unsettled.

    Where one is settled now that holds files, the page is told to fetch the list anew: they are documents of it.
    """
    library = access_library(request.user, library_id)
    ids = [value for value in map(uuid_or_none, request.GET.getlist("id")[:PROGRESS_ROWS]) if value]
    rows_ = listed(request.user, library).select_related(*ROWS)
    documents = list(rows_.filter(pk__in=ids).order_by("-created_at", "pk"))
    context = head(request, library) | {"documents": documents, "is_live": _is_live(documents)}
    mark(documents, context["held"])  # type: ignore[arg-type]  # Rights
    answer = render(request, "libraries/progress.html", context)
    settled = [document.pk for document in documents if document.is_settled]
    if settled and Document.objects.filter(parent__in=settled, deleted_at=None).exists():
        answer["HX-Trigger-After-Settle"] = CHANGED
    return answer


def _context(request: PersonRequest, library: Library) -> dict[str, object]:
    context = head(request, library)
    held: Rights = context["held"]  # type: ignore[assignment]
    shown = listing(request.user, library, request.GET, held)
    documents = list(shown.page.object_list)
    mark(documents, held)
    if shown.wanted.folder:
        context |= said(held, folder_level(held, library.pk, shown.wanted.folder))
    return context | {
        "listing": shown,
        "page": shown.page,
        "documents": documents,
        "is_live": _is_live(documents),
        "trashed": in_trash(request.user, library).order_by().count(),
    }


def _is_live(documents: list[Document]) -> bool:
    return any(not document.is_settled for document in documents)


def _just_deleted(request: PersonRequest, library: Library) -> Document | None:
    """Return the document that its own page deleted and sent here, to offer an undo."""
    deleted = uuid_or_none(request.GET.get("deleted", ""))
    rows_ = Document.objects.allowing(request.user, Level.WRITE).filter(library=library)
    return rows_.filter(pk=deleted).exclude(deleted_at=None).first() if deleted else None
