"""The REST API of searching and asking."""

import time
from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.chat import seeking, services
from apps.chat.access import access_conversation, access_message
from apps.chat.errors import NothingToSearch
from apps.chat.models import Citation, Conversation, Message
from apps.chat.tasks import ring_search
from apps.core.errors import Invalid, NotFound
from apps.core.waiting import let_go
from apps.libraries.models import Document, Library
from apps.metering.models import Reservation
from apps.users.access import acting_key
from apps.users.api_auth import asked_team, person_of
from apps.users.models import KeyScope

WAIT_S = 20.0
LOOK_S = 0.2
MOST_FOUND = 50
MOST_LIBRARIES = 200
SEARCH_FIELDS = {"question", "libraries", "limit"}
ASK_FIELDS = {"question", "libraries", "conversation", "mode", "model", "strict"}


class SearchView(APIView):
    """Search for passages."""

    scope = KeyScope.SEARCH

    def post(self, request: Request) -> Response:
        """Return the passages for `question`, the best first, of `libraries` or of all that may be read."""
        data = _fields(request, SEARCH_FIELDS)
        question = _text(data)
        limit = data.get("limit", 10)
        if type(limit) is not int or not 1 <= limit <= MOST_FOUND:
            raise Invalid(field="limit")
        team, libraries = asked_team(request), _libraries(request, data)
        wish = seeking.Wish(str(person_of(request).pk), str(team.pk), libraries, question, limit)
        return Response({"question": question} | seeking.ask(wish, ring_search, wait_s=WAIT_S))


class AskView(APIView):
    """Ask a question."""

    scope = KeyScope.ASK

    def post(self, request: Request) -> Response:
        """Begin an answer and say where it will be; with `conversation` it is the next question of that one."""
        data = _fields(request, ASK_FIELDS)
        question, choice = _text(data), _choice(request, data)
        if "conversation" in data:
            conversation = _own_conversation(request, _uuid(data["conversation"], "conversation"))
            chosen = choice if set(data) & {"libraries", "mode", "model", "strict"} else None
            message = services.ask(user=person_of(request), conversation=conversation, text=question, choice=chosen)
        else:
            message = services.start(user=person_of(request), team=asked_team(request), text=question, choice=choice)
        place = reverse("api:answer", args=[message.pk])
        return Response(answer_json(request, message), status=202, headers={"Location": place, "Retry-After": "1"})


class AnswerView(APIView):
    """One answer."""

    scope = KeyScope.ASK

    def get(self, request: Request, message_id: UUID) -> Response:
        """Return it as far as it is made; with `wait` as soon as it is ready, at the latest after so many seconds."""
        until = time.monotonic() + _wait(request)
        message = _own_answer(request, message_id)
        while message.is_live and time.monotonic() < until:
            let_go()
            time.sleep(LOOK_S)
            message.refresh_from_db(fields=["state"])
        return Response(answer_json(request, _own_answer(request, message_id)))  # by the rights of now

    def delete(self, request: Request, message_id: UUID) -> Response:
        """Stop it; what is written stays."""
        services.stop(message=_own_answer(request, message_id))
        return Response(status=204)


def _wait(request: Request) -> int:
    """Return how many seconds to wait. Raises Invalid for a parameter that nobody knows and a wait too long."""
    if unknown := set(request.query_params) - {"wait"}:
        raise Invalid(field=min(unknown)[:60])
    given = request.query_params.get("wait", "0")
    if not (given.isascii() and given.isdecimal()) or int(given[:4]) > WAIT_S:
        raise Invalid(field="wait")
    return int(given)


def _fields(request: Request, known: set[str]) -> dict[str, Any]:
    """Return the JSON object that was sent. Raises Invalid for anything else and for a field that nobody knows."""
    if not isinstance(request.data, dict):
        raise Invalid(field="")
    if unknown := set(request.data) - known:
        raise Invalid(field=str(min(unknown))[:60])
    return dict(request.data)


def _text(data: dict[str, Any]) -> str:
    question = data.get("question", "")
    if not isinstance(question, str):
        raise Invalid(field="question")
    return services.question_text(question)


def _uuid(given: object, field: str) -> UUID:
    try:
        return UUID(given) if isinstance(given, str) else UUID("")
    except ValueError:
        raise Invalid(field=field) from None


def _libraries(request: Request, data: dict[str, Any]) -> list[str]:
    """Return the libraries to search. Raises NotFound where one of those named may not be read, NothingToSearch."""
    readable = Library.objects.readable_by(person_of(request)).filter(team=asked_team(request))
    wanted = _ids(data)
    found = set((readable.filter(pk__in=wanted) if wanted else readable).values_list("pk", flat=True))
    if set(wanted) - found:
        raise NotFound
    if not found:
        raise NothingToSearch
    return sorted(map(str, found))


def _ids(data: dict[str, Any]) -> list[UUID]:
    given = data.get("libraries", [])
    if not isinstance(given, list) or len(given) > MOST_LIBRARIES:
        raise Invalid(field="libraries")
    return [_uuid(each, "libraries") for each in given]


def _choice(request: Request, data: dict[str, Any]) -> services.Choice:
    """Return what to answer with. A library, model or mode that may not be used is refused, never left out."""
    libraries = tuple(map(UUID, _libraries(request, data))) if data.get("libraries") else ()
    mode, strict = data.get("mode", Conversation.Mode.AUTO), data.get("strict", False)
    if mode not in Conversation.Mode.values or not isinstance(strict, bool):
        raise Invalid(field="mode" if isinstance(strict, bool) else "strict")
    model = _uuid(data["model"], "model") if data.get("model") is not None else None
    usable = usable_models(AIModel.Kind.CHAT, team_id=asked_team(request).pk, user=person_of(request))
    if model and not usable.filter(pk=model).exists():
        raise NotFound
    return services.Choice(libraries, model, str(mode), strict)


def _own_conversation(request: Request, conversation_id: UUID) -> Conversation:
    """Return a conversation of the person; a key sees those alone in which it asked itself."""
    conversation = access_conversation(person_of(request), conversation_id)
    if not _asked_by_key(conversation.messages.values_list("reservation", flat=True)):
        raise NotFound
    return conversation


def _own_answer(request: Request, message_id: UUID) -> Message:
    message = access_message(person_of(request), message_id)
    if message.role != Message.Role.ASSISTANT or not _asked_by_key([message.reservation]):
        raise NotFound
    return message


def _asked_by_key(reservations: Any) -> bool:
    """Return whether the key of this request asked for one of them; a person in a browser sees all their own."""
    limits = acting_key.get()
    if limits is None:
        return True
    return Reservation.objects.filter(pk__in=list(reservations), api_key=limits.key_id).exists()


def answer_json(request: Request, message: Message) -> dict[str, Any]:
    """Return what a program sees of an answer; a source that may no longer be read has neither name nor text."""
    return {
        "id": str(message.pk),
        "conversation": str(message.conversation_id),
        "state": message.state,
        "is_final": not message.is_live,
        "text": message.text,
        "is_refusal": message.is_refusal,
        "mode": message.mode,
        "error": message.error_code or None,
        "citations": _citations(request, message) if not message.is_live else [],
        "tokens": {"prompt": message.prompt_tokens, "output": message.output_tokens},
    }


def _citations(request: Request, message: Message) -> list[dict[str, Any]]:
    cited = list(message.citations.all())
    ids = [each.document_id for each in cited if each.document_id]
    readable = set(Document.objects.readable_by(person_of(request)).filter(pk__in=ids).values_list("pk", flat=True))
    return [_citation(each, is_open=each.document_id in readable) for each in cited]


def _citation(cited: Citation, *, is_open: bool) -> dict[str, Any]:
    if not is_open:
        return {"number": cited.number, "is_open": False}
    return {
        "number": cited.number,
        "is_open": True,
        "document": {"id": str(cited.document_id), "name": cited.document_name},
        "page": cited.page_from,
        "headings": list(cited.heading_path),
        "quote": cited.quote or cited.passage,
    }
