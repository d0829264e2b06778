"""A conversation as it is read: rounds of a question and the answers made to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from apps.chat.closed import closed_documents, is_closed
from apps.chat.models import Citation, Conversation, Message
from apps.chat.pictured import described
from apps.rag.types import Exchange
from apps.users.models import User

MAX_MESSAGES = 400  # shown and walked through; older ones stay stored


@dataclass(frozen=True, slots=True)
class Round:
    """A question, its answers oldest first, and the one of them that is shown."""

    question: Message
    answers: tuple[Message, ...]
    shown: Message

    @property
    def place(self) -> int:
        """Return which of the answers is shown, from 1."""
        return self.answers.index(self.shown) + 1

    @property
    def previous(self) -> Message | None:
        """Return the answer made before the one shown."""
        return self.answers[self.place - 2] if self.place > 1 else None

    @property
    def following(self) -> Message | None:
        """Return the answer made after the one shown."""
        return self.answers[self.place] if self.place < len(self.answers) else None


def rounds_of(conversation: Conversation, reader: User, *, shown: UUID | None = None) -> list[Round]:
    """Return the latest rounds in order, with citations loaded; three queries, one more for refusals.

    Of several answers the one that the next question followed is shown, else the last; `shown` names another.
    """
    latest = conversation.messages.order_by("-created_at").select_related("model", "feedback")
    messages = sorted(latest.prefetch_related(_cited(reader))[:MAX_MESSAGES], key=lambda message: message.created_at)
    _show_nearest(messages, reader)
    followed = {message.parent_id for message in messages if message.role == Message.Role.USER}
    return [
        _round(question, answers, followed, shown)
        for question in messages
        if question.role == Message.Role.USER
        and (answers := tuple(each for each in messages if each.parent_id == question.pk))
    ]


def round_of(answer: Message, reader: User) -> Round:
    """Return the round of one answer, which is the one shown."""
    siblings = Message.objects.filter(parent_id=answer.parent_id, role=Message.Role.ASSISTANT)
    answers = list(siblings.select_related("model", "feedback").prefetch_related(_cited(reader)).order_by("created_at"))
    _show_nearest(answers, reader)
    question = question_of(answer)
    return _round(question, tuple(answers), set(), answer.pk)


def _show_nearest(messages: Iterable[Message], reader: User) -> None:
    """Give refusals what they may show of the nearest passages: `near`, without what is closed to the reader now."""
    refusals = [each for each in messages if each.is_refusal and each.steps.get("nearest")]
    closed = closed_documents(reader, (row for each in refusals for row in each.steps["nearest"]))
    for each in refusals:
        near = [row for row in each.steps["nearest"] if row.get("document_id") not in closed]
        each.near = near  # type: ignore[attr-defined]  # for the template


def _cited(reader: User) -> "Prefetch[str, QuerySet[Citation], str]":
    """Load citations with what tells whether their source changed or closed, without the chunks' index columns."""
    citations = Citation.objects.select_related("document", "chunk").annotate(is_closed=is_closed(reader))
    return Prefetch("citations", citations.defer("chunk__terms", "chunk__weights", "chunk__boxes"))


def question_of(answer: Message) -> Message:
    """Return the question that the answer was made to. Raises DoesNotExist for a message that is none."""
    return Message.objects.select_related("conversation__team", "conversation__model").get(children=answer)


def _round(question: Message, answers: tuple[Message, ...], followed: set[UUID | None], shown: UUID | None) -> Round:
    named = [each for each in answers if each.pk == shown]
    continued = [each for each in answers if each.pk in followed]
    return Round(question, answers, (named or continued or list(answers))[-1])


def history_of(answer: Message) -> Sequence[Exchange]:
    """Return the exchanges that led to the question of `answer`, oldest first, without refusals."""
    messages = {
        message.pk: message
        for message in Message.objects.filter(conversation=answer.conversation_id)
        .only("parent_id", "role", "text", "state", "is_refusal", "created_at")
        .order_by("-created_at")[:MAX_MESSAGES]
    }
    exchanges: list[Exchange] = []
    question = messages.get(answer.parent_id) if answer.parent_id else None
    while question is not None and question.parent_id and (reply := messages.get(question.parent_id)):
        question = messages.get(reply.parent_id) if reply.parent_id else None
        if question is not None and reply.text and not reply.is_refusal:
            exchanges.append(Exchange(described(question.text), reply.text))
    return exchanges[::-1]
