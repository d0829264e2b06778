"""What can be done with an answer that is there: rate it, see how it was made, keep it, search in spite of it."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.chat import feedback, keeping
from apps.chat.access import access_message
from apps.chat.errors import NothingToKeep
from apps.chat.models import Feedback, Message
from apps.chat.thread import question_of
from apps.chat.tracing import trace_of
from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.libraries import curated
from apps.libraries.access import access_library
from apps.libraries.tasks import ring_embedder
from apps.libraries.views.answers import draft_of, saved
from apps.users.models import Role
from apps.users.requests import PersonRequest


def answer_of(request: PersonRequest, message_id: UUID) -> Message:
    """Return an answer of the person's own conversation. Raises NotFound."""
    message = access_message(request.user, message_id)
    if message.role != Message.Role.ASSISTANT or message.parent_id is None:
        raise NotFound
    return message


@login_required
@require_POST
def vote(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Rate an answer; return its buttons, and where it was rated down the form that asks why."""
    message = answer_of(request, message_id)
    votes = {"up": 1, "down": -1}
    wanted = votes.get(request.POST.get("vote", ""), 0)
    given = feedback.give(
        user=request.user,
        message=message,
        vote=wanted,
        reasons=request.POST.getlist("reason"),
        comment=request.POST.get("comment", ""),
    )
    context = {
        "answer": message,
        "feedback": given,
        "reasons": Feedback.Reason.choices,
        "asks_why": wanted < 0 and "said" not in request.POST,
        "is_thanked": "said" in request.POST,
    }
    return render(request, "chat/parts/feedback.html", context)


@login_required
@require_safe
def trace(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Return the drawer: how the answer was made."""
    message = answer_of(request, message_id)
    context = {"answer": message, "question": question_of(message), "trace": trace_of(message, request.user)}
    return render(request, "chat/trace.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Show the form that makes a curated answer of this one, or save it."""
    message = answer_of(request, message_id)
    libraries = keeping.libraries_for(request.user, message)
    if not libraries or message.is_live:
        raise NothingToKeep
    if request.method == "POST":
        chosen = uuid_or_none(request.POST.get("library", ""))
        library = access_library(request.user, chosen or message.pk, at_least=Role.EDITOR)
        curated.create(user=request.user, library=library, draft=draft_of(request.POST), source_message=message.pk)
        ring_embedder()
        return saved(_("Saved. Close questions to “%(library)s” get this answer from now on.") % {"library": library})
    context = {
        "libraries": libraries,
        "library": libraries[0],
        "draft": keeping.draft_of(message),
        "action": reverse("chat:keep", args=[message.pk]),
        "may_edit": True,
        "limits": curated,
    }
    return render(request, "libraries/answer.html", context)
