"""The REST API of libraries and documents: what may be read."""

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import Invalid
from apps.libraries.access import access_document, access_library
from apps.libraries.models import Document, Library
from apps.users.api_auth import asked_team, person_of
from apps.users.models import KeyScope

PAGE_SIZE, MOST = 50, 200


class LibrariesView(APIView):
    """The libraries that may be read."""

    scope = KeyScope.READ

    def get(self, request: Request) -> Response:
        """Return all of them, by name."""
        rows = Library.objects.readable_by(person_of(request)).filter(team=asked_team(request)).order_by("name")
        return Response({"results": [library_json(row) for row in rows[:MOST]]})


class LibraryView(APIView):
    """One library."""

    scope = KeyScope.READ

    def get(self, request: Request, library_id: UUID) -> Response:
        """Return it; 404 for one that may not be read."""
        return Response(library_json(access_library(person_of(request), library_id)))


class DocumentView(APIView):
    """One document."""

    scope = KeyScope.READ

    def get(self, request: Request, document_id: UUID) -> Response:
        """Return it with how far its reading is."""
        return Response(document_json(access_document(person_of(request), document_id)))


def documents_page(request: Request, library_id: UUID) -> Response:
    """Return one page of a library's documents, the newest first; `page` and `size` are the only filters."""
    if unknown := set(request.query_params) - {"page", "size"}:
        raise Invalid(field=min(unknown))
    library = access_library(person_of(request), library_id)
    rows = Document.objects.readable_by(person_of(request)).filter(library=library).order_by("-created_at", "pk")
    page = Paginator(rows, _number(request, "size", PAGE_SIZE, MOST)).get_page(_number(request, "page", 1, 10**6))
    return Response(
        {
            "count": page.paginator.count,
            "page": page.number,
            "pages": page.paginator.num_pages,
            "results": [document_json(row) for row in page],
        }
    )


def _number(request: Request, name: str, otherwise: int, most: int) -> int:
    given = request.query_params.get(name, "")
    if not given:
        return otherwise
    if not given.isascii() or not given.isdecimal() or not 1 <= int(given[:9]) <= most:
        raise Invalid(field=name)
    return int(given)


def library_json(library: Library) -> dict[str, Any]:
    """Return what a program sees of a library."""
    return {"id": str(library.pk), "name": library.name, "description": library.description}


def document_json(document: Document) -> dict[str, Any]:
    """Return what a program sees of a document."""
    return {
        "id": str(document.pk),
        "library": str(document.library_id),
        "name": document.name,
        "folder": document.folder,
        "media_type": document.media_type,
        "size_bytes": document.size_bytes,
        "status": document.status,
        "error": document.error_code or None,
        "tags": document.tags,
        "created_at": document.created_at.isoformat(),
        "updated_at": document.updated_at.isoformat(),
    }
