"""The curated answers of a library: the list, and one of them in the drawer."""

import json
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.markdown import render as render_markdown
from apps.core.text import uuid_or_none
from apps.libraries import curated as editing
from apps.libraries.access import access_curated, access_library, access_shared_library
from apps.libraries.curated import Draft
from apps.libraries.models import CuratedAnswer
from apps.libraries.tasks import ring_embedder
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import head, rights
from apps.users.models import Role
from apps.users.requests import PersonRequest

PAGE_ROWS = 50
CHANGED = "kb:answers"  # the event on which the list loads itself again
SHOWN = {"on": True, "off": False}
MAX_QUERY_CHARS = 200


@login_required
@require_safe
def answers_page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the library's curated answers; `?answer=` opens one of them beside the list, `?question=` a new one."""
    library = access_shared_library(request.user, library_id)
    words, show = request.GET.get("q", "")[:MAX_QUERY_CHARS], request.GET.get("show", "")
    rows = editing.listed(library, words=words, is_enabled=SHOWN.get(show))
    every = CuratedAnswer.objects.filter(library=library, deleted_at=None)
    page = Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page"))
    chosen = uuid_or_none(request.GET.get("answer", ""))
    context = head(request, library) | {
        "tab": "answers",
        "page": page,
        "words": words,
        "show": show if show in SHOWN else "",
        "total": every.count(),
        "off": every.filter(Q(is_enabled=False)).count(),
        "opened": access_curated(request.user, chosen) if chosen and rows.filter(pk=chosen).exists() else None,
        "asked": request.GET.get("question", "")[: editing.QUESTION_MAX],
        "prefix": "?" + urlencode({"q": words, "show": show}) + "&",
    }
    return render(request, "libraries/answers.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answer_new(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the form for a new answer, with what `?question=` says filled in, or write it."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    if request.method == "POST":
        editing.create(user=request.user, library=library, draft=draft_of(request.POST))
        ring_embedder()
        return saved(_("Saved. Close questions get this answer in a moment."))
    context = rights(request, library) | {
        "library": library,
        "draft": draft_of(request.GET),
        "action": reverse("libraries:answer-new", args=[library.pk]),
        "limits": editing,
    }
    return render(request, "libraries/answer.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: PersonRequest, curated_id: UUID) -> HttpResponse:
    """Show or change one answer, in the drawer."""
    if request.method == "POST":
        row = access_curated(request.user, curated_id, at_least=Role.EDITOR)
        editing.change(user=request.user, curated=row, draft=draft_of(request.POST))
        ring_embedder()
        return saved(_("Saved."))
    row = access_curated(request.user, curated_id)
    context = rights(request, row.library) | {
        "library": row.library,
        "curated": row,
        "draft": row,
        "action": reverse("libraries:answer", args=[row.pk]),
        "limits": editing,
    }
    return render(request, "libraries/answer.html", context)


@login_required
@require_POST
def answer_preview(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return the typed answer as it will be shown."""
    access_library(request.user, library_id, at_least=Role.EDITOR)
    return HttpResponse(render_markdown(request.POST.get("answer", "")[: editing.ANSWER_MAX]))


@login_required
@require_POST
def answer_enabled(request: PersonRequest, curated_id: UUID) -> HttpResponse:
    """Give the answer to close questions, or to none."""
    row = access_curated(request.user, curated_id, at_least=Role.EDITOR)
    row = editing.switch(user=request.user, curated=row, is_enabled=request.POST.get("enabled") == "on")
    text = _("Close questions get this answer again.") if row.is_enabled else _("No question gets this answer now.")
    return toast(text, then=CHANGED)


@login_required
@require_POST
def answer_delete(request: PersonRequest, curated_id: UUID) -> HttpResponse:
    """Delete with undo."""
    row = access_curated(request.user, curated_id, at_least=Role.EDITOR)
    editing.delete(user=request.user, curated=row)
    undo = reverse("libraries:answer-restore", args=[row.pk])
    return saved(_("The answer was deleted."), undo=undo)


@login_required
@require_POST
def answer_restore(request: PersonRequest, curated_id: UUID) -> HttpResponse:
    """Bring a deleted answer back."""
    row = access_curated(request.user, curated_id, at_least=Role.EDITOR, deleted=True)
    editing.restore(user=request.user, curated=row)
    return toast(_("The answer is back."), then=CHANGED)


def draft_of(data: QueryDict) -> Draft:
    """Return what the form holds: other wordings stand one on each line."""
    variants = tuple(data.get("variants", "").splitlines())
    return Draft(data.get("question", ""), data.get("answer", ""), variants)


def saved(text: str, undo: str = "") -> HttpResponse:
    """Return what says `text`, loads the list again and closes the drawer, last: it takes the sender along."""
    note = {"text": text} | ({"undo": undo} if undo else {})
    events: dict[str, object] = {"kb:toast": note, CHANGED: True, "kb:close-drawer": True}
    return HttpResponse(status=200, headers={"HX-Trigger": json.dumps(events)})
