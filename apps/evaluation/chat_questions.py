"""Questions that people asked, offered to a set: one's own chats with the passages they cited, others' questions alone.

A chat is private: of others' questions an editor sees what the log holds (`AskedQuestion`), never an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Prefetch

from apps.chat.models import Citation, Conversation, Message
from apps.core.errors import AppError
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.evaluation.set_services import add_question, present
from apps.libraries.models import AskedQuestion
from apps.users.models import User

OFFERED = 100  # the latest


@dataclass(frozen=True, slots=True)
class Offer:
    """A question that could be taken; `gold` are the passages that its answer cited from this library."""

    key: str
    text: str
    asked_at: datetime
    gold: Sequence[dict[str, str]] = ()
    asker: str = ""
    is_refusal: bool = False
    is_weak: bool = False
    vote: int = 0
    times: int = 1
    is_taken: bool = False


def offers(*, user: User, questions: QuestionSet, source: str) -> list[Offer]:
    """Return what was asked in the library of a set, the latest first; "mine" or "asked" by anybody."""
    known = {text.casefold() for text in present(questions).values_list("text", flat=True)}
    found = _mine(user, questions) if source == "mine" else _asked(questions)
    return [_marked(offer, known) for offer in found]


def take(*, user: User, questions: QuestionSet, source: str, keys: Sequence[str]) -> int:
    """Add questions as drafts, with the passages that were cited; return how many are new."""
    wanted = set(keys)
    count = 0
    for offer in offers(user=user, questions=questions, source=source):
        if offer.key not in wanted or offer.is_taken:
            continue
        try:
            add_question(
                user=user, questions=questions, text=offer.text, gold=offer.gold, origin=SetQuestion.Origin.CHAT,
                state=SetQuestion.State.DRAFT,
            )  # fmt: skip
        except AppError:  # too long, or there meanwhile
            continue
        count += 1
    return count


def _mine(user: User, questions: QuestionSet) -> list[Offer]:
    """Return the questions of one's own chats with this library."""
    cites = Citation.objects.filter(
        document__library=questions.library, document__deleted_at=None, curated_id=None
    ).select_related("document")
    answers = Message.objects.filter(
        conversation__in=Conversation.objects.readable_by(user), role=Message.Role.ASSISTANT,
        state=Message.State.DONE, library_ids__contains=[questions.library_id],
    )  # fmt: skip
    answers = answers.select_related("parent").prefetch_related(Prefetch("citations", cites)).order_by("-created_at")
    by_text: dict[str, Offer] = {}
    for answer in answers[:OFFERED]:
        if answer.parent is not None:
            text = " ".join(answer.parent.text.split())
            by_text.setdefault(text.casefold(), _offer(answer, text))
    return list(by_text.values())


def _offer(answer: Message, text: str) -> Offer:
    gold: list[dict[str, str]] = [
        {"document": str(cite.document_id), "name": cite.document_name, "quote": cite.quote or cite.passage}
        for cite in ([] if answer.is_refusal else answer.citations.all())
    ]
    return Offer(str(answer.pk), text, answer.created_at, gold, is_refusal=answer.is_refusal)


def _asked(questions: QuestionSet) -> list[Offer]:
    """Return what anybody asked in the library, each question once with how often."""
    rows = AskedQuestion.objects.filter(
        team=questions.library.team_id, library_ids__contains=[questions.library_id]
    ).select_related("user")
    by_text: dict[str, list[AskedQuestion]] = {}
    for row in rows.order_by("-created_at")[: 4 * OFFERED]:
        text = " ".join((row.searched or row.question).split())
        by_text.setdefault(text.casefold(), []).append(row)
    return [_logged(same) for same in list(by_text.values())[:OFFERED]]


def _logged(same: Sequence[AskedQuestion]) -> Offer:
    last = same[0]
    return Offer(
        str(last.pk),
        " ".join((last.searched or last.question).split()),
        last.created_at,
        asker=last.user.name if last.user else "",
        is_refusal=last.is_refusal,
        is_weak=last.is_weak,
        vote=min(row.vote for row in same),
        times=len(same),
    )


def _marked(offer: Offer, known: set[str]) -> Offer:
    return replace(offer, is_taken=offer.text.casefold() in known)
