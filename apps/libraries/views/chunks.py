"""What people do with one passage: its card, its form, its switch, splitting, merging, deleting, its history."""

import json
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.request import QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.libraries import editing, history
from apps.libraries.access import access_chunk, access_document
from apps.libraries.cards import card
from apps.libraries.editing import Content
from apps.libraries.models import Chunk
from apps.libraries.views.shared import rights_of
from apps.users.models import Role
from apps.users.requests import PersonRequest

CHANGED = "kb:chunks"  # the event on which the pane of passages loads itself again
SEPARATORS = str.maketrans("，、；;\n", ",,,,,")


@login_required
@require_safe
def chunk_card(request: PersonRequest, chunk_id: UUID) -> HttpResponse:
    """Return one card as it is now."""
    return _card(request, access_chunk(request.user, chunk_id))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PersonRequest, chunk_id: UUID) -> HttpResponse:
    """Show the form in the card's place, or save it and show the card."""
    chunk = access_chunk(request.user, chunk_id, at_least=Role.EDITOR)
    if request.method != "POST":
        context = {"chunk": chunk, "stamp": editing.stamp_of(chunk), "limits": editing}
        return render(request, "libraries/chunk_form.html", context)
    stamp = request.POST.get("stamp", "")
    return _card(request, editing.edit(user=request.user, chunk=chunk, content=_content(request.POST), stamp=stamp))


@login_required
@require_POST
def enabled(request: PersonRequest, chunk_id: UUID) -> HttpResponse:
    """Let searches find the passage, or not: `is_enabled` is "on" or absent."""
    chunk = access_chunk(request.user, chunk_id, at_least=Role.EDITOR)
    wanted = request.POST.get("is_enabled") == "on"
    return _card(request, editing.set_enabled(user=request.user, chunk=chunk, is_enabled=wanted))


@login_required
@require_POST
def split(request: PersonRequest, chunk_id: UUID) -> HttpResponse:
    """Save the form's text as two passages, cut at the character `at`; the note that answers offers to undo it."""
    chunk = access_chunk(request.user, chunk_id, at_least=Role.EDITOR)
    at = request.POST.get("at", "")
    first, second = editing.split(
        user=request.user,
        chunk=chunk,
        content=_content(request.POST),
        at=int(at) if at.isdecimal() and len(at) < len("1000000") else 0,
        stamp=request.POST.get("stamp", ""),
    )
    done = first.edits.filter(action="split").latest("pk")
    text = _("Split. The second passage is #%(number)s.") % {"number": second.ordinal + 1}
    return _told(text, chosen=second.pk, undo=_undo(chunk.document_id, done.pk))


@login_required
@require_POST
def merge(request: PersonRequest, chunk_id: UUID) -> HttpResponse:
    """Join the passage with the next one; the note that answers offers to undo it."""
    chunk = access_chunk(request.user, chunk_id, at_least=Role.EDITOR)
    merged, done = editing.merge(user=request.user, chunk=chunk)
    text = _("Passages #%(first)s and #%(second)s are one now.")
    text %= {"first": merged.ordinal + 1, "second": merged.ordinal + 2}
    return _told(text, chosen=merged.pk, undo=_undo(chunk.document_id, done.pk))


@login_required
@require_POST
def delete(request: PersonRequest, chunk_id: UUID) -> HttpResponse:
    """Delete the passage; the note that answers offers to undo it."""
    chunk = access_chunk(request.user, chunk_id, at_least=Role.EDITOR)
    done = editing.delete(user=request.user, chunk=chunk)
    text = _("Passage #%(number)s was deleted.") % {"number": done.before["ordinal"] + 1}
    return _told(text, undo=_undo(chunk.document_id, done.pk))


@login_required
@require_safe
def chunk_history(request: PersonRequest, chunk_id: UUID) -> HttpResponse:
    """Return the drawer with who changed what and when."""
    chunk = access_chunk(request.user, chunk_id)
    context = {"chunk": chunk, "entries": history.entries(chunk), **rights_of(request, chunk.document)}
    return render(request, "libraries/chunk_history.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Show an empty form behind the passage `after`, or save it there; without `after` it comes first."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    given = request.POST if request.method == "POST" else request.GET
    after = _anchor(document.pk, given)
    if request.method != "POST":
        context = {"document": document, "after": after, "limits": editing}
        return render(request, "libraries/chunk_form.html", context)
    added = editing.add(user=request.user, document=document, after=after, content=_content(request.POST))
    text = _("Passage #%(number)s was added. It can be found as soon as it is indexed.")
    return _told(text % {"number": added.ordinal + 1}, chosen=added.pk)


@login_required
@require_POST
def undo(request: PersonRequest, document_id: UUID, number: int) -> HttpResponse:
    """Undo one change of the history; `number` is its id."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    row = history.restore(user=request.user, document=document, edit_id=number)
    return _told(_("Passage #%(number)s is as it was.") % {"number": row.ordinal + 1}, chosen=row.pk)


def _card(request: PersonRequest, chunk: Chunk) -> HttpResponse:
    context = {"card": card(chunk), "document": chunk.document, **rights_of(request, chunk.document)}
    return render(request, "libraries/chunk.html", context)


def _content(given: QueryDict) -> Content:
    """Return what the form holds: keywords by commas or lines, one question a line."""
    keywords = given.get("keywords", "").translate(SEPARATORS).split(",")
    return Content(given.get("text", ""), tuple(keywords), tuple(given.get("questions", "").splitlines()))


def _anchor(document_id: UUID, given: QueryDict) -> Chunk | None:
    """Return the passage that `after` names. Raises NotFound for another document's."""
    named = given.get("after", "")
    if not named:
        return None
    wanted = uuid_or_none(named)
    rows = Chunk.objects.filter(document=document_id, pk=wanted) if wanted else Chunk.objects.none()
    chunk = rows.select_related("document").first()
    if chunk is None:
        raise NotFound
    return chunk


def _undo(document_id: UUID, edit_id: int) -> str:
    return reverse("libraries:chunk-undo", args=[document_id, edit_id])


def _told(text: str, *, chosen: UUID | None = None, undo: str = "") -> HttpResponse:
    """Return an empty answer that shows a note and lets the pane load itself again, with a passage chosen."""
    note = {"text": text} | ({"undo": undo} if undo else {})
    events = {"kb:toast": note, CHANGED: {"chosen": str(chosen) if chosen else ""}}
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(events)})
