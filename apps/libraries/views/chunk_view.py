"""The document page: the original at the left, its passages at the right, the strip of its pages."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.errors import NotFound
from apps.libraries.access import access_document
from apps.libraries.cards import cards
from apps.libraries.chunks import MAX_QUERY_CHARS, SHOWN, ChunkPart, Wanted, chunk_part, neighbours
from apps.libraries.facts import facts_of
from apps.libraries.models import Document, DocumentVersion
from apps.libraries.page_strip import Strip, strip_of
from apps.libraries.reading import load_blocks
from apps.libraries.reads import note_read
from apps.libraries.textview import ShownFigure, TextView, show
from apps.libraries.views.shared import rights_of
from apps.users.models import User
from apps.users.requests import PersonRequest

PDF = "application/pdf"
LOCKED = frozenset({"encrypted", "wrong-password"})  # codes of ingestion.parse_errors


@login_required
@require_safe
def document_page(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Show the original beside its passages; `?chunk=`, `?page=` or `?part=` say where, `?show=` and `?q=` which."""
    document = access_document(request.user, document_id)
    note_read(request.user, document)
    version = document.current_version or document.versions.order_by("-number").first()
    part = chunk_part(document, wanted_of(request))
    strip = strip_of(version)
    before, after = neighbours(request.user, document)
    parts = _parts(request.user, document)
    is_container = bool(parts or (version and version.attachments)) and not part.counts["all"]
    original = "" if is_container or _is_locked(document) else _original(document, version, strip)
    context = _pane(request, document, part) | {
        "library": document.library,
        "version": version,
        "strip": strip,
        "original": original,
        "view": _view(version, part) if original == "text" else None,
        "before": before,
        "after": after,
        "parts": parts,
        "inside": _inside(version, len(parts)),
        "is_locked": _is_locked(document),
        "shows_parent": Document.objects.readable_by(request.user).filter(parts=document).exists(),
    }
    return render(request, "libraries/document.html", context)


@login_required
@require_safe
def chunk_cards(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Return the pane of passages alone, for the page that changed or filters them."""
    document = access_document(request.user, document_id)
    part = chunk_part(document, wanted_of(request))
    return render(request, "libraries/chunks.html", _pane(request, document, part))


@login_required
@require_safe
def state(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Return the line of facts; asked while the document is read, and loads the page again once it is settled."""
    document = access_document(request.user, document_id)
    version = document.current_version or document.versions.order_by("-number").first()
    inside = _inside(version, Document.objects.readable_by(request.user).filter(parent=document).count())
    context = {"document": document, "version": version, "inside": inside, **rights_of(request, document)}
    response = render(request, "libraries/document_state.html", context)
    if document.is_settled and "waiting" in request.GET:
        response["HX-Trigger"] = "kb:document-settled"
    return response


@login_required
@require_safe
def facts(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Return the drawer: what the file says of itself, how it was read and cut, and the files inside it."""
    document = access_document(request.user, document_id)
    version = document.current_version or document.versions.order_by("-number").first()
    context = {
        "document": document,
        "version": version,
        "facts": facts_of(document, version),
        "parts": _parts(request.user, document),
        **rights_of(request, document),
    }
    return render(request, "libraries/document_facts.html", context)


def wanted_of(request: PersonRequest) -> Wanted:
    """Return what the address asks for. Raises NotFound for an id that cannot be one; ignores other nonsense."""
    given = request.GET
    page, part = given.get("page", ""), given.get("part", "")
    shown = given.get("show", "")
    return Wanted(
        chunk=_id(given.get("chunk", "")),
        page=int(page) if page.isdecimal() and len(page) < len("1000000") else None,
        part=int(part) if part.isdecimal() and len(part) < len("1000000") else 1,
        show=shown if shown in SHOWN else "",
        text=given.get("q", "").replace("\x00", "").strip()[:MAX_QUERY_CHARS],
    )


def _id(value: str) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError as error:
        raise NotFound from error


def _pane(request: PersonRequest, document: Document, part: ChunkPart) -> dict[str, object]:
    return {"document": document, "part": part, "cards": cards(part.chunks), **rights_of(request, document)}


def _original(document: Document, version: DocumentVersion | None, strip: Strip) -> str:
    """Return how the original is shown: by pdf.js, as the pictures of its pages, as text, or not at all."""
    if document.media_type == PDF:
        return "pdf"
    if strip.has_pictures:
        return "pictures"
    return "text" if version is not None and version.blocks else ""


def _is_locked(document: Document) -> bool:
    """Return whether nothing can be shown before somebody gives the file's password."""
    return document.error_code in LOCKED and document.status == Document.Status.FAILED


def _inside(version: DocumentVersion | None, parts: int) -> int:
    """Return how many files are inside the file: those that became documents, and those that could not be read."""
    return parts + len([file for file in (version.attachments if version else []) if file.get("reason")])


def _view(version: DocumentVersion | None, part: ChunkPart) -> TextView | None:
    if version is None:
        return None
    chosen = part.chosen
    marked = (chosen.char_from, chosen.char_to) if chosen else None
    window = None if part.wanted.is_filtered and not chosen else part.window
    figures = version.figures.values_list("pk", "char_at", "width", "height", "caption")
    view = show(load_blocks(version), marked=marked, window=window)
    return view.with_figures([ShownFigure(*row) for row in figures])


def _parts(user: User, document: Document) -> list[Document]:
    """Return the files inside the file that became documents, of those that the person may read."""
    return list(Document.objects.readable_by(user).filter(parent=document).order_by("folder", "name")[:500])
