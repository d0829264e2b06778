"""What people do with conversations; every function was given its objects by a gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.chat.allowance import Allowance, allow, or_release
from apps.chat.errors import (
    AnswerRunning,
    EmptyQuestion,
    ModelNotAllowed,
    NothingToSearch,
    NotRepeatable,
    QuestionTooLong,
)
from apps.chat.models import Conversation, Message
from apps.chat.pictured import described
from apps.chat.recovery import ring_again_at
from apps.chat.tasks import ring
from apps.chat.thread import question_of
from apps.core import events
from apps.libraries.models import Library
from apps.metering import services as metering
from apps.rag.asking import parse
from apps.users.models import Team, User

QUESTION_MAX_CHARS = 4_000
TITLE_MAX_CHARS = 200
TITLE_CHARS = 60  # of the first question
RAIL_MAX = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose in the composer. No libraries: all that are readable; no model: the default one."""

    library_ids: tuple[UUID, ...] = ()
    model_id: UUID | None = None
    mode: str = Conversation.Mode.AUTO
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """How one answer is made. `corrected` is searched for in place of the question."""

    model: AIModel | None
    mode: str
    corrected: str = ""
    skips_curated: bool = False


@dataclass(frozen=True, slots=True)
class RailGroup:
    """Conversations of one span of time, the latest first."""

    label: str
    conversations: list[Conversation]


def start(*, user: User, team: Team, text: str, choice: Choice) -> Message:
    """Begin a conversation with a question; return the answer to come."""
    text = question_text(text)
    conversation = Conversation(team=team, owner=user, title=title_of(described(text)))
    if not _libraries(user, team, choice.library_ids):
        raise NothingToSearch
    allowed = allow(user, team, model_for(user, team, choice.model_id), choice.mode)
    return or_release(allowed, partial(_start, conversation, user, text, choice, allowed))


@transaction.atomic
def _start(conversation: Conversation, user: User, text: str, choice: Choice, allowed: Allowance) -> Message:
    conversation.save()
    _choose(conversation, user, choice)
    return _ask(conversation, user, text, None, allowed)


def ask(
    *, user: User, conversation: Conversation, text: str, choice: Choice | None = None, after: UUID | None = None
) -> Message:
    """Add a question and a pending answer; return the answer, which a worker makes once this is committed.

    `after` is the answer that was on the screen; the history of the question are the exchanges that led to it.
    """
    text = question_text(text)
    model = model_for(user, conversation.team, choice.model_id) if choice is not None else conversation.model
    allowed = allow(user, conversation.team, model, choice.mode if choice is not None else conversation.mode)
    return or_release(allowed, partial(_ask_next, conversation, user, text, choice, after, allowed))


@transaction.atomic
def _ask_next(
    conversation: Conversation, user: User, text: str, choice: Choice | None, after: UUID | None, allowed: Allowance
) -> Message:
    _refuse_second(conversation)
    if choice is not None:
        _choose(conversation, user, choice)
    answers = conversation.messages.filter(role=Message.Role.ASSISTANT).order_by("-created_at")
    parent = (answers.filter(pk=after).first() if after else None) or answers.first()
    return _ask(conversation, user, text, parent, allowed)


def _ask(conversation: Conversation, user: User, text: str, parent: Message | None, allowed: Allowance) -> Message:
    question = Message.objects.create(conversation=conversation, parent=parent, role=Message.Role.USER, text=text)
    return _answer(question, user, Way(conversation.model, conversation.mode), allowed)


def _answer(question: Message, user: User, way: Way, allowed: Allowance) -> Message:
    """Create the pending answer and ring for it on commit. Raises NothingToSearch."""
    conversation = question.conversation
    chosen = tuple(conversation.libraries.values_list("pk", flat=True))
    library_ids = _libraries(user, conversation.team, chosen)
    if not library_ids:
        raise NothingToSearch
    answer = Message.objects.create(
        conversation=conversation,
        parent=question,
        role=Message.Role.ASSISTANT,
        state=Message.State.PENDING,
        model=allowed.model or way.model,
        mode=way.mode,
        library_ids=library_ids,
        reservation=allowed.reservation,
        limit_passed=allowed.passed,
        corrected=way.corrected,
        skips_curated=way.skips_curated,
        lease_until=ring_again_at(),
    )
    Conversation.objects.filter(pk=conversation.pk).update(last_at=Now())
    transaction.on_commit(partial(ring, answer.pk))
    return answer


def stop(*, message: Message) -> None:
    """End an answer: at once where nobody began it, else within its next token. A settled one stays as it is."""
    waiting = Message.objects.filter(pk=message.pk, state=Message.State.PENDING)
    if waiting.update(state=Message.State.STOPPED, stop_requested=True, lease_until=None, attempt=F("attempt") + 1):
        if message.reservation:
            metering.release(message.reservation)
        events.append_final(message.pk, message.attempt + 1, events.AnswerStopped())
        return
    running = Message.objects.filter(pk=message.pk, state=Message.State.RUNNING)
    if running.update(stop_requested=True):
        events.request_stop(message.pk, running.values_list("attempt", flat=True).first() or message.attempt)


def regenerate(
    *, user: User, message: Message, model: AIModel | None = None, mode: str = "", skips_curated: bool = False
) -> Message:
    """Make another answer to the same question beside this one, by the same model and mode where none is named.

    Who names a model or a mode wants it to answer; so does `skips_curated`, also where an editor's answer is there.
    """
    question = _question_of(message)
    chosen_mode = mode if mode in Conversation.Mode.values else message.conversation.mode
    is_searched = skips_curated or bool(mode) or model is not None or message.skips_curated
    way = Way(model or message.conversation.model, chosen_mode, skips_curated=is_searched)
    allowed = allow(user, message.conversation.team, way.model, way.mode)
    return or_release(allowed, partial(_regenerate, question, user, way, allowed))


@transaction.atomic
def _regenerate(question: Message, user: User, way: Way, allowed: Allowance) -> Message:
    _refuse_second(question.conversation)
    return _answer(question, user, way, allowed)


def correct(*, user: User, message: Message, text: str) -> Message:
    """Answer the same question once more, searching for `text` in place of what it was rewritten to."""
    question = _question_of(message)
    text = question_text(text)
    way = Way(message.model, message.conversation.mode, corrected=text)
    allowed = allow(user, message.conversation.team, way.model, way.mode)
    return or_release(allowed, partial(_regenerate, question, user, way, allowed))


def retry(*, user: User, message: Message) -> Message:
    """Make a failed, interrupted or stopped answer again in its place."""
    _question_of(message)
    allowed = allow(user, message.conversation.team, message.conversation.model, message.conversation.mode)
    return or_release(allowed, partial(_retry, message, allowed))


@transaction.atomic
def _retry(message: Message, allowed: Allowance) -> Message:
    _refuse_second(message.conversation)
    broken = (Message.State.FAILED, Message.State.INTERRUPTED, Message.State.STOPPED)
    changed = Message.objects.filter(pk=message.pk, state__in=broken).update(
        state=Message.State.PENDING,
        stop_requested=False,
        error_code="",
        reservation=allowed.reservation,
        model=allowed.model or message.conversation.model,
        limit_passed=allowed.passed,
        lease_until=ring_again_at(),
    )
    if not changed:
        raise NotRepeatable
    message.citations.all().delete()
    transaction.on_commit(partial(ring, message.pk))
    return Message.objects.select_related("conversation", "model").get(pk=message.pk)


def rename(*, conversation: Conversation, title: str) -> Conversation:
    """Give the conversation another title; an empty one changes nothing."""
    title = " ".join(title.split())[:TITLE_MAX_CHARS]
    if title:
        Conversation.objects.filter(pk=conversation.pk).update(title=title)
        conversation.title = title
    return conversation


@transaction.atomic
def delete(*, user: User, conversation: Conversation) -> None:
    """Hide the conversation; it can be restored for `undo_days`. Answers under way are stopped."""
    Conversation.objects.filter(pk=conversation.pk, deleted_at=None).update(deleted_at=Now())
    audit.record("conversation.deleted", actor=user, team=conversation.team, target=conversation)
    for message in conversation.messages.filter(state__in=Message.LIVE):
        transaction.on_commit(partial(stop, message=message))


@transaction.atomic
def restore(*, user: User, conversation: Conversation) -> Conversation:
    """Bring a deleted conversation back."""
    if Conversation.objects.filter(pk=conversation.pk).exclude(deleted_at=None).update(deleted_at=None):
        audit.record("conversation.restored", actor=user, team=conversation.team, target=conversation)
    conversation.deleted_at = None
    return conversation


def rail(user: User, team: Team) -> list[RailGroup]:
    """Return the person's latest conversations in the team, grouped by when they were last used; one query."""
    latest = (
        Conversation.objects.readable_by(user).filter(team=team).only("id", "title", "last_at", "owner_id", "team_id")
    )
    today = timezone.localdate()
    groups: list[RailGroup] = []
    for conversation in latest.order_by("-last_at")[:RAIL_MAX]:
        label = _span(timezone.localdate(conversation.last_at), today)
        if not groups or groups[-1].label != label:
            groups.append(RailGroup(label, []))
        groups[-1].conversations.append(conversation)
    return groups


def find(user: User, team: Team, words: str) -> Sequence[Conversation]:
    """Return the person's conversations with these words in the title, the latest first."""
    found = Conversation.objects.readable_by(user).filter(team=team)
    for word in words.split()[:8]:
        found = found.filter(title__icontains=word)
    return list(found.order_by("-last_at")[:20])


def title_of(question: str) -> str:
    """Return a title: the beginning of the first line without operators, cut between words where it has some."""
    line = parse(question.strip().splitlines()[0]).text
    if len(line) <= TITLE_CHARS:
        return line
    cut = line[:TITLE_CHARS]
    at_word = cut.rpartition(" ")[0]
    return (at_word if len(at_word) > TITLE_CHARS // 2 else cut).rstrip(" ,.;:，。；：") + "…"


def _span(day: date, today: date) -> str:
    """Return the label of the span of time a day lies in."""
    days = (today - day).days
    for least, label in (
        (30, ""),
        (7, _("Last 30 days")),
        (2, _("Last 7 days")),
        (1, _("Yesterday")),
        (-1, _("Today")),
    ):
        if days >= least:
            return label or date_format(day, "YEAR_MONTH_FORMAT")
    return _("Today")


def question_text(text: str) -> str:
    """Return a question as it is kept. Raises EmptyQuestion and QuestionTooLong."""
    text = text.replace("\x00", "").encode("utf-8", "replace").decode().strip()
    if not text:
        raise EmptyQuestion
    if len(text) > QUESTION_MAX_CHARS:
        raise QuestionTooLong(chars=len(text), limit=QUESTION_MAX_CHARS)
    return text


def _question_of(answer: Message) -> Message:
    if answer.role != Message.Role.ASSISTANT or answer.is_live or answer.parent_id is None:
        raise NotRepeatable
    return question_of(answer)


def _libraries(user: User, team: Team, chosen: Sequence[UUID]) -> list[UUID]:
    """Return the chosen libraries that the person may read now; all readable ones of the team where none is chosen."""
    readable = Library.objects.readable_by(user).filter(team=team)
    return list((readable.filter(pk__in=chosen) if chosen else readable).values_list("pk", flat=True))


def _choose(conversation: Conversation, user: User, choice: Choice) -> None:
    """Keep the composer's choices with the conversation; what the person may not use is left out."""
    conversation.mode = choice.mode if choice.mode in Conversation.Mode.values else Conversation.Mode.AUTO
    conversation.model = model_for(user, conversation.team, choice.model_id)
    conversation.is_strict = choice.is_strict
    conversation.save(update_fields=["mode", "model", "is_strict"])
    chosen = _libraries(user, conversation.team, choice.library_ids) if choice.library_ids else []
    conversation.libraries.set(Library.objects.filter(pk__in=chosen))


def model_for(user: User, team: Team, model_id: UUID | None) -> AIModel | None:
    """Return the model of an id, None for none: the default. Raises ModelNotAllowed unless the person may use it now.

    Security case 28: a model that is not open to somebody is refused before anything is asked of it.
    """
    if model_id is None:
        return None
    model = usable_models(AIModel.Kind.CHAT, team_id=team.pk, user=user).filter(pk=model_id).first()
    if model is None:
        raise ModelNotAllowed
    return model


def _refuse_second(conversation: Conversation) -> None:
    """Hold the conversation's row until the end of the transaction. Raises AnswerRunning."""
    Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
    if conversation.messages.filter(state__in=Message.LIVE).exists():
        raise AnswerRunning
