"""The prompt assistant: a theme in any language is put down, a model writes the prompt, the program comes for it."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import NotFound, sentence_of
from apps.images.api.asked import fields, number, query, text
from apps.images.api.base import ImagesView
from apps.images.api.placing import waited
from apps.images.assistant import choosing, mailbox, words
from apps.images.assistant_tasks import ring
from apps.users.api_auth import asked_team, person_of

FIELDS = {"theme": mailbox.MOST_CHARS, "model": 80, "writer": 80}
WAIT_S = 20


class ThemesView(ImagesView):
    """Themes that people want a picture of."""

    def get(self, request: Request) -> Response:
        """Return the chat models that write prompts, the best first."""
        query(request, ())
        models = choosing.models_of(person_of(request), asked_team(request))
        return Response({"writers": [{"name": each.name, "title": each.title} for each in models]})

    def post(self, request: Request) -> Response:
        """Put a `theme` down, for the image `model`; `writer` is a chat model."""
        data = fields(request, FIELDS)
        said = {name: text(data, name, most) for name, most in FIELDS.items()}
        theme = mailbox.Theme(said["theme"], said["model"], said["writer"])
        wish = mailbox.ask(person_of(request), asked_team(request), theme, ring)
        place = reverse("api:image-theme", args=[wish.token])
        body = letter_json(mailbox.Letter(wish))
        return Response(body, status=202, headers={"Location": place, "Retry-After": "1"})


class ThemeView(ImagesView):
    """One theme."""

    def get(self, request: Request, theme_id: UUID) -> Response:
        """Return what became of it; with `wait` as soon as it is written, at the latest after so many seconds."""
        wait = number(query(request, {"wait"}), "wait", 0, WAIT_S, least=0)
        found = waited(lambda: _mine(request, theme_id), lambda letter: not letter.is_open, wait)
        return Response(letter_json(found))

    def delete(self, request: Request, theme_id: UUID) -> Response:
        """Wait no longer; what nobody began costs nothing."""
        _mine(request, theme_id)
        mailbox.give_up(person_of(request), theme_id)
        return Response(status=204)


class OwnWordsView(ImagesView):
    """What the person never wants in a picture: first in each negative prompt that the assistant writes."""

    def get(self, request: Request) -> Response:
        """Return it."""
        query(request, ())
        return Response({"negative": words.words_of(person_of(request), asked_team(request))})

    def put(self, request: Request) -> Response:
        """Keep another list."""
        said = text(fields(request, {"negative"}), "negative", words.MOST_CHARS)
        return Response({"negative": words.keep(person_of(request), asked_team(request), said)})


def _mine(request: Request, theme_id: UUID) -> mailbox.Letter:
    """Return the person's letter in the key's team. Raises NotFound."""
    found = mailbox.look(person_of(request), theme_id)
    if found.wish.team != str(asked_team(request).pk):
        raise NotFound
    return found


def letter_json(letter: mailbox.Letter) -> dict[str, Any]:
    """Return a theme and what was written of it."""
    written = letter.written
    error = {"code": letter.error, "detail": sentence_of(letter.error, letter.params)} if letter.error else None
    return {
        "id": letter.token,
        "theme": letter.wish.theme,
        "writer": letter.wish.model,
        "is_final": not letter.is_open,
        "prompt": written.prompt if written else None,
        "negative": written.negative if written else None,
        "error": error,
    }
