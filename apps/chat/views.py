"""The chat pages and their fragments: gate, one service, one template."""

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.chat import openings, services
from apps.chat.access import access_citation, access_conversation, access_message
from apps.chat.composer import composer_for
from apps.chat.curated_source import curated_source_of
from apps.chat.examples import example_questions
from apps.chat.forms import question_of, uuid_of
from apps.chat.keeping import may_keep
from apps.chat.models import Conversation, Message
from apps.chat.sources import source_of
from apps.chat.thread import Round, round_of, rounds_of
from apps.core.errors import NotFound
from apps.users.requests import PersonRequest


@require_safe
@login_required
def home(request: PersonRequest) -> HttpResponse:
    """Show an empty chat: what can be asked, and the composer."""
    if request.team is None:
        return render(request, "chat/no_team.html")
    composer = composer_for(request.user, request.team)
    context = {
        "composer": composer,
        "examples": example_questions(request.user, composer.libraries),
        "opened": openings.notices_for(request.user),
        "prefilled": request.GET.get("text", "")[: composer.max_chars],  # a page leads here with it; nothing is sent
    }
    return render(request, "chat/home.html", context)


@require_POST
@login_required
def start(request: PersonRequest) -> HttpResponse:
    """Begin a conversation with its first question; the page becomes the conversation's without a reload."""
    if request.team is None:
        raise NotFound
    asked = question_of(request.POST)
    message = services.start(user=request.user, team=request.team, text=asked.text, choice=asked.choice)
    conversation = message.conversation
    context = _page(request, conversation) | {"is_fragment": True}
    response = render(request, "chat/conversation.html#chat", context)
    response["HX-Push-Url"] = reverse("chat:conversation", args=[conversation.pk])
    return response


@require_safe
@login_required
def conversation(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Show a conversation."""
    found = access_conversation(request.user, conversation_id)
    return render(request, "chat/conversation.html", _page(request, found))


@require_POST
@login_required
def ask(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Ask the next question; return the question and the answer to come."""
    found = access_conversation(request.user, conversation_id)
    asked = question_of(request.POST)
    message = services.ask(
        user=request.user, conversation=found, text=asked.text, choice=asked.choice, after=asked.after
    )
    return _round(request, round_of(message, request.user), template="chat/conversation.html#asked")


@require_POST
@login_required
def rename(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Rename; return the row of the rail and the page's title."""
    found = access_conversation(request.user, conversation_id)
    services.rename(conversation=found, title=request.POST.get("title", ""))
    context = {"conversation": found, "current_conversation": found, "is_fragment": True}
    return render(request, "chat/conversation.html#renamed", context)


@require_POST
@login_required
def delete(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Delete with undo; whoever looks at the conversation is led to a new chat."""
    found = access_conversation(request.user, conversation_id)
    services.delete(user=request.user, conversation=found)
    undo = reverse("chat:restore", args=[found.pk])
    toast = {"text": _("The chat was deleted."), "undo": undo}
    response = render(request, "chat/conversation.html#rail", {"is_fragment": True})
    response["HX-Trigger"] = json.dumps(
        {"kb:toast": toast, "kb:chat-deleted": {"id": str(found.pk), "home": reverse("chat:home")}}
    )
    return response


@require_POST
@login_required
def restore(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Bring a deleted conversation back and show it."""
    found = access_conversation(request.user, conversation_id, deleted=True)
    services.restore(user=request.user, conversation=found)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = reverse("chat:conversation", args=[found.pk])
    return response


@require_safe
@login_required
def answer(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Return one answer as it is now: after its end, or when another one of its siblings is to be shown."""
    return _round(request, round_of(_answer(request, message_id), request.user))


@require_POST
@login_required
def stop(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Stop an answer; its socket or the next fetch shows the end."""
    services.stop(message=_answer(request, message_id))
    return HttpResponse(status=204)


@require_POST
@login_required
def again(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Answer the same question once more, by the same or another model or mode."""
    message = _answer(request, message_id)
    model_id = uuid_of(request.POST.get("model"))
    model = services.model_for(request.user, message.conversation.team, model_id)
    mode, anyway = request.POST.get("mode", ""), "anyway" in request.POST
    made = services.regenerate(user=request.user, message=message, model=model, mode=mode, skips_curated=anyway)
    return _round(request, round_of(made, request.user))


@require_POST
@login_required
def correct(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Answer the same question once more, searching for what the asker wrote in place of what it was rewritten to."""
    message = _answer(request, message_id)
    made = services.correct(user=request.user, message=message, text=request.POST.get("question", ""))
    return _round(request, round_of(made, request.user))


@require_POST
@login_required
def retry(request: PersonRequest, message_id: UUID) -> HttpResponse:
    """Make a broken answer again in its place."""
    return _round(
        request, round_of(services.retry(user=request.user, message=_answer(request, message_id)), request.user)
    )


@require_safe
@login_required
def citation(request: PersonRequest, message_id: UUID, number: int) -> HttpResponse:
    """Return the drawer: the cited passage in its document."""
    cited = access_citation(request.user, message_id, number)
    if cited.curated_id:
        return render(request, "chat/curated.html", {"source": curated_source_of(request.user, cited)})
    return render(request, "chat/source.html", {"source": source_of(request.user, cited)})


def _answer(request: PersonRequest, message_id: UUID) -> Message:
    message = access_message(request.user, message_id)
    if message.role != Message.Role.ASSISTANT or message.parent_id is None:
        raise NotFound
    return message


def _page(request: PersonRequest, found: Conversation) -> dict[str, Any]:
    rounds = rounds_of(found, request.user, shown=uuid_of(request.GET.get("answer")))
    return {
        "conversation": found,
        "current_conversation": found,
        "rounds": rounds,
        "composer": composer_for(request.user, found.team, found),
        "models": _models(request, found),
        "may_keep": may_keep(request.user, found.team_id),
    }


def _models(request: PersonRequest, conversation: Conversation) -> QuerySet[AIModel]:
    return usable_models(AIModel.Kind.CHAT, team_id=conversation.team_id, user=request.user)


def _round(request: PersonRequest, each: Round, template: str = "chat/parts/answer.html") -> HttpResponse:
    context = {
        "round": each,
        "conversation": each.question.conversation,
        "current_conversation": each.question.conversation,
        "models": _models(request, each.question.conversation),
        "may_keep": may_keep(request.user, each.question.conversation.team_id),
        "is_fragment": True,
    }
    return render(request, template, context)
