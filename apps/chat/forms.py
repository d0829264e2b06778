"""What the chat pages send, as typed values. Unknown ids are left out here; services drop what is not allowed."""

from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict

from apps.chat.models import Conversation
from apps.chat.services import Choice

MAX_LIBRARIES = 200


@dataclass(frozen=True, slots=True)
class Question:
    """The composer's content."""

    text: str
    choice: Choice
    after: UUID | None  # the answer that was on the screen


def question_of(data: QueryDict) -> Question:
    """Return what the composer sent."""
    library_ids = tuple(found for each in data.getlist("library")[:MAX_LIBRARIES] if (found := uuid_of(each)))
    mode = data.get("mode") or Conversation.Mode.AUTO
    choice = Choice(library_ids, uuid_of(data.get("model")), str(mode), data.get("strict") == "on")
    return Question(data.get("text") or "", choice, uuid_of(data.get("after")))


def uuid_of(text: str | None) -> UUID | None:
    """Return the id, None for anything else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
