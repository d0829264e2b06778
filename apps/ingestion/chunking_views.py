"""How a library's documents are cut: the rule, its preview on a sample, and the way of all documents to it."""

from contextlib import ExitStack
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.core.errors import AppError, sentence_of
from apps.core.text import uuid_or_none
from apps.ingestion import chunking, previewing, rechunking
from apps.ingestion.chunking import Rule, Strategy
from apps.ingestion.errors import NoFile
from apps.ingestion.previewing import Preview, Sample
from apps.ingestion.storing import store
from apps.ingestion.tasks import preview_chunks, read_document, ring
from apps.libraries.access import access_document, access_library
from apps.libraries.models import Document, Library
from apps.libraries.views.shared import head
from apps.users.models import Role, User
from apps.users.requests import PersonRequest

OFFERED = 200  # documents in the list of samples, the newest first
BELLS = 4


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the rule of a library with its preview, or store another one; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    if request.method != "POST":
        return _page(request, library, chunking.rule_of(library))
    try:
        wanted = _rule(request.POST)
    except AppError as error:
        return _page(request, library, chunking.rule_of(library), error)
    queued = rechunking.save_rule(user=request.user, library=library, rule=wanted)
    for _bell in range(min(BELLS, queued)):
        ring(read_document)
    messages.success(request, _saved(queued))
    return redirect("ingestion:chunking", library.pk)


@login_required
@require_POST
def preview(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Begin to cut a sample by the rule of the form: a document of the library, or a file that is not kept."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    try:
        asked = previewing.ask(request.user, library, _sample(request, library), _rule(request.POST))
    except AppError as error:
        return render(request, "ingestion/preview.html", {"problem": error.sentence()}, status=422)
    ring(preview_chunks, asked.token)
    return _shown(request, library, asked)


@login_required
@require_safe
def preview_state(request: PersonRequest, library_id: UUID, preview_id: UUID) -> HttpResponse:
    """Return the preview as far as it is; asked again and again until it is done."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    return _shown(request, library, previewing.find(request.user, library, preview_id))


@login_required
@require_safe
def standing(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return how far the documents are on their way to the rule; asked every few seconds meanwhile."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    return render(request, "ingestion/standing.html", {"library": library, "standing": rechunking.standing(library)})


@login_required
@require_POST
def stop(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Stop cutting the documents anew; those that are done stay so."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    rechunking.cancel_all(user=request.user, library=library)
    return render(request, "ingestion/standing.html", {"library": library, "standing": rechunking.standing(library)})


def _page(request: PersonRequest, library: Library, shown: Rule, error: AppError | None = None) -> HttpResponse:
    model = default_model(AIModel.Kind.EMBEDDING)
    context = head(request, library) | {
        "tab": "settings",
        "section": "chunking",
        "rule": shown,
        "ways": [_way(strategy) for strategy in chunking.STRATEGIES],
        "limits": _limits(model.max_tokens),
        "model": model,
        "samples": _samples(request.user, library)[:OFFERED],
        "standing": rechunking.standing(library),
        "cost": rechunking.cost(library),
        "problem": error.sentence() if error else "",
    }
    return render(request, "ingestion/chunking.html", context, status=error.status if error else 200)


def _way(strategy: Strategy) -> tuple[dict[str, object], Rule]:
    """Return a way of cutting as the form shows it, and the sizes that it begins with."""
    shown: dict[str, object] = {"value": strategy, "name": chunking.NAMES[strategy], "hint": chunking.HINTS[strategy]}
    return shown, chunking.default_rule(strategy)


def _limits(max_tokens: int) -> dict[str, int]:
    return {
        "target_least": chunking.TARGET_MIN,
        "target_most": chunking.target_limit(max_tokens),
        "overlap_most": chunking.target_limit(max_tokens) // chunking.OVERLAP_SHARE,
        "parent_least": chunking.PARENT_MIN,
        "parent_most": chunking.PARENT_MAX,
    }


def _rule(form: Any) -> Rule:
    return chunking.make_rule(form, max_tokens=default_model(AIModel.Kind.EMBEDDING).max_tokens)


def _samples(user: User, library: Library) -> QuerySet[Document]:
    documents = Document.objects.readable_by(user).filter(library=library, current_version__isnull=False)
    return documents.exclude(current_version__blocks="").order_by("-created_at").only("pk", "name", "folder")


def _sample(request: PersonRequest, library: Library) -> Sample:
    """Return what is to be cut: a new file, what was cut before, or a document. Raises NoFile or as uploads do."""
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile):
        with ExitStack() as undo:
            stored = store(file, undo)
            undo.pop_all()  # the worker deletes it once it is read; the purge what is left behind
        return previewing.of_file(file.name or "", stored.key)
    before = uuid_or_none(request.POST.get("again", ""))
    if before is not None:
        return previewing.find(request.user, library, before).sample
    chosen = uuid_or_none(request.POST.get("document", ""))
    if chosen is None:
        raise NoFile
    document = access_document(request.user, chosen, at_least=Role.ADMIN)
    if document.library_id != library.pk:
        raise NoFile
    return previewing.of_document(document)


def _shown(request: PersonRequest, library: Library, shown: Preview) -> HttpResponse:
    result = shown.result
    context = {
        "library": library,
        "preview": shown,
        "problem": sentence_of(shown.error, shown.params) if shown.error else "",
        "bars": previewing.histogram(result) if result else (),
        "middle": sorted(result.sizes)[len(result.sizes) // 2] if result else 0,
        "largest": max(result.sizes) if result else 0,
        "left_out": len(result.sizes) - len(result.cards) if result else 0,
    }
    return render(request, "ingestion/preview.html", context)


def _saved(queued: int) -> str:
    if not queued:
        return _("Saved. New documents are cut like this.")
    return ngettext(
        "Saved. %(n)s document is cut anew; its present passages serve until then.",
        "Saved. %(n)s documents are cut anew; their present passages serve until then.",
        queued,
    ) % {"n": queued}
