"""One document: its text, its bytes, and its deletion."""

from collections.abc import AsyncIterator
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.files.base import File
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from apps.core.errors import NotFound
from apps.libraries import services
from apps.libraries.access import access_document
from apps.libraries.models import Chunk, Document, DocumentVersion
from apps.libraries.reading import load_blocks
from apps.libraries.reads import note_read
from apps.libraries.textview import show
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import CHANGED
from apps.users.models import Role
from apps.users.requests import PersonRequest

PDF = "application/pdf"
PIECE_BYTES = 256 * 1024
AROUND_CHARS = 20_000  # text shown before and after a passage in the drawer


@login_required
@require_safe
def text(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Return the text around a passage as a fragment, with the passage marked; without `?chunk=` from the start."""
    document = access_document(request.user, document_id)
    version = _version(document, request)
    chunk_id = _id(request, "chunk")
    chunk = Chunk.objects.filter(pk=chunk_id, document=document).first() if chunk_id else None
    marked = (chunk.char_from, chunk.char_to) if chunk else None
    window = (max(0, marked[0] - AROUND_CHARS), marked[1] + AROUND_CHARS) if marked else None
    view = show(load_blocks(version), marked=marked, window=window)
    return render(request, "libraries/text.html", {"document": document, "view": view})


@login_required
@require_GET
def file(request: PersonRequest, document_id: UUID) -> HttpResponseBase:
    """Return the original bytes: as a download, or for our own pdf.js with `?inline=1` and only if they are a PDF.

    Whatever the bytes are, a browser may not run them: sandbox, no sniffing, a type from our own list.
    """
    document = access_document(request.user, document_id)
    note_read(request.user, document)
    version = _version(document, request)
    try:
        opened = version.file.open("rb")
    except FileNotFoundError as error:
        raise NotFound from error
    is_inline = version.media_type == PDF and "inline" in request.GET
    response = _stream(request, opened)
    response["Content-Type"] = PDF if is_inline else "application/octet-stream"
    response["Content-Length"] = str(version.size_bytes)
    disposition = content_disposition_header(as_attachment=not is_inline, filename=document.name)
    response["Content-Disposition"] = disposition or "attachment"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@login_required
@require_POST
def delete(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Delete a document; the note that answers offers to undo it."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    services.delete_document(user=request.user, document=document)
    undo = reverse("libraries:document-restore", args=[document.pk])
    if "leave" in request.GET:  # from the document's own page, which is gone now
        back = reverse("libraries:library", args=[document.library_id])
        return HttpResponse(status=200, headers={"HX-Redirect": f"{back}?deleted={document.pk}"})
    return toast(_("“%(name)s” was deleted.") % {"name": document.name}, undo=undo, then=CHANGED)


@login_required
@require_POST
def restore(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Bring a deleted document back, while it can be."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR, deleted=True)
    services.restore_document(user=request.user, document=document)
    return toast(_("“%(name)s” is back.") % {"name": document.name}, then=CHANGED)


def _version(document: Document, request: PersonRequest) -> DocumentVersion:
    """Return the version that `?version=` names, else the current one, else the last one uploaded. Raises NotFound."""
    wanted = _id(request, "version")
    if wanted is None and document.current_version is not None:
        return document.current_version
    versions = document.versions.order_by("-number")
    version = (versions.filter(pk=wanted) if wanted else versions).first()
    if version is None:
        raise NotFound
    return version


def _id(request: PersonRequest, name: str) -> UUID | None:
    """Return the id in a query parameter, None where there is none. Raises NotFound for what cannot be one."""
    value = request.GET.get(name, "")
    try:
        return UUID(value) if value else None
    except ValueError as error:
        raise NotFound from error


def _stream(request: PersonRequest, opened: "File[bytes]") -> StreamingHttpResponse:
    """Return a response that reads piece by piece; under ASGI a plain FileResponse would read all into memory first."""
    return StreamingHttpResponse(_Pieces(opened)) if isinstance(request, ASGIRequest) else FileResponse(opened)


class _Pieces:
    """A file read piece by piece off the event loop; the response closes it, read or not."""

    def __init__(self, opened: "File[bytes]") -> None:
        self.close = opened.close
        self._read = sync_to_async(opened.read, thread_sensitive=False)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the file's bytes."""
        while piece := await self._read(PIECE_BYTES):
            yield piece
