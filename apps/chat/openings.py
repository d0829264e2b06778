"""Break-glass: reading somebody's conversation needs a reason, a second administrator, and is told to its owner.

Administrators see no conversation otherwise. Everything here is in the audit log: asking, deciding, each reading, the
end. An opening ends by itself after `KB_OPENING_HOURS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from apps.audit.services import record
from apps.chat.errors import NoSecondAdmin, OpeningDecided, OpeningNotYours, OpeningWithoutReason
from apps.chat.models import ChatOpening, Conversation, Message
from apps.core import mail
from apps.core.errors import NotFound
from apps.users.access import require_system_admin
from apps.users.models import User

SHORTEST_REASON = 10  # characters: "test" is none
LONGEST_REASON = 500
MOST_LISTED = 200
ASKED_DAYS = 7  # a wish that nobody decided on lapses


@dataclass(frozen=True, slots=True)
class Outline:
    """What may be known of a conversation without opening it: no title, no text."""

    conversation_id: UUID
    team: str
    began_at: datetime
    last_at: datetime
    questions: int
    opening: ChatOpening | None


def outlines_of(*, admin: User, person: User) -> Sequence[Outline]:
    """Return the person's conversations by date and length alone, newest first."""
    require_system_admin(admin)
    asked = models.Count("messages", filter=models.Q(messages__role=Message.Role.USER))
    rows = Conversation.objects.filter(owner=person).annotate(questions=asked).order_by("-last_at")
    found = list(rows.values_list("pk", "team__name", "created_at", "last_at", "questions")[:MOST_LISTED])
    live = _live().filter(conversation__in=[row[0] for row in found], asked_by=admin)
    openings = {one.conversation_id: one for one in live}
    return [Outline(*row, openings.get(row[0])) for row in found]


def _live() -> models.QuerySet[ChatOpening]:
    """Return the openings that wait or are open now."""
    now = timezone.now()
    waiting = models.Q(state=ChatOpening.State.ASKED, created_at__gt=now - timedelta(days=ASKED_DAYS))
    return ChatOpening.objects.filter(waiting | models.Q(state=ChatOpening.State.OPEN, expires_at__gt=now))


def has_second_admin(admin: User) -> bool:
    """Return whether there is anybody who could allow what `admin` asks."""
    return User.objects.filter(is_superuser=True, is_active=True).exclude(pk=admin.pk).exists()


@transaction.atomic
def ask(*, admin: User, conversation_id: UUID, reason: str) -> ChatOpening:
    """Ask to read a conversation. Repeating it gives the wish that waits already.

    Raises NotFound, OpeningWithoutReason, NoSecondAdmin.
    """
    require_system_admin(admin)
    conversation = Conversation.objects.select_for_update(of=("self",)).filter(pk=conversation_id).first()
    if conversation is None or conversation.owner_id == admin.pk:
        raise NotFound
    reason = " ".join(reason.replace("\0", " ").split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise OpeningWithoutReason(shortest=SHORTEST_REASON, longest=LONGEST_REASON)
    if not _deciders(admin, conversation).exists():
        raise NoSecondAdmin
    if waiting := _live().filter(conversation=conversation, asked_by=admin).first():
        return waiting
    opening = ChatOpening.objects.create(conversation=conversation, reason=reason, asked_by=admin)
    record(
        "opening.asked",
        actor=admin,
        team=conversation.team,
        target=conversation,
        detail={"owner": conversation.owner.email, "reason": reason},
    )
    return opening


def _deciders(admin: User, conversation: Conversation) -> models.QuerySet[User]:
    """Return who may decide: another administrator, who is not the owner either."""
    others = User.objects.filter(is_superuser=True, is_active=True)
    return others.exclude(pk__in=[admin.pk, conversation.owner_id])


@transaction.atomic
def decide(*, admin: User, opening_id: UUID, allow: bool) -> ChatOpening:
    """Allow or refuse another administrator's wish.

    Raises NotFound, OpeningNotYours for one's own wish or one's own conversation, OpeningDecided.
    """
    require_system_admin(admin)
    opening = (
        ChatOpening.objects.select_for_update(of=("self",))
        .select_related("conversation__team", "conversation__owner", "asked_by")
        .filter(pk=opening_id)
        .first()
    )
    if opening is None:
        raise NotFound
    if admin.pk in (opening.asked_by_id, opening.conversation.owner_id):
        raise OpeningNotYours
    lapsed = opening.created_at <= timezone.now() - timedelta(days=ASKED_DAYS)
    if opening.state != ChatOpening.State.ASKED or lapsed:
        raise OpeningDecided
    opening.state = ChatOpening.State.OPEN if allow else ChatOpening.State.REFUSED
    opening.decided_by, opening.decided_at = admin, timezone.now()
    opening.expires_at = timezone.now() + timedelta(hours=settings.ENV.opening_hours) if allow else None
    opening.save(update_fields=["state", "decided_by", "decided_at", "expires_at", "updated_at"])
    _record("opening.allowed" if allow else "opening.refused", admin, opening)
    if allow:
        transaction.on_commit(lambda: _tell(opening), robust=True)
    return opening


def _record(action: str, admin: User, opening: ChatOpening) -> None:
    conversation = opening.conversation
    asked_by = opening.asked_by.email if opening.asked_by else ""
    record(
        action,
        actor=admin,
        team=conversation.team,
        target=conversation,
        detail={"owner": conversation.owner.email, "asked_by": asked_by, "reason": opening.reason},
    )


def _tell(opening: ChatOpening) -> None:
    """Mail the owner, who also sees a notice in the product."""
    owner = opening.conversation.owner
    with override(owner.language or settings.LANGUAGE_CODE):
        mail.send(
            to=owner.email,
            subject=_("An administrator opened one of your conversations"),
            body=_(
                "%(admin)s may read one of your conversations in the team %(team)s for %(hours)s hours. "
                "%(second)s allowed it. The reason given: %(reason)s"
            )
            % {
                "admin": opening.asked_by,
                "second": opening.decided_by,
                "team": opening.conversation.team,
                "hours": settings.ENV.opening_hours,
                "reason": opening.reason,
            },
        )


def access_opening(admin: User, opening_id: UUID) -> ChatOpening:
    """Return an opening that this administrator asked for, was allowed, and may read now. Raises NotFound."""
    require_system_admin(admin)
    opening = (
        _live()
        .filter(pk=opening_id, asked_by=admin, state=ChatOpening.State.OPEN)
        .select_related("conversation__team", "conversation__owner", "decided_by")
        .first()
    )
    if opening is None:
        raise NotFound
    return opening


def read(*, admin: User, opening_id: UUID) -> ChatOpening:
    """Return the opening for one reading of its conversation, and record that it was read. Raises NotFound."""
    opening = access_opening(admin, opening_id)
    _record("opening.read", admin, opening)
    return opening


@transaction.atomic
def end(*, admin: User, opening_id: UUID) -> None:
    """End an opening before its time; any administrator may. Raises NotFound."""
    require_system_admin(admin)
    opening = (
        _live().select_related("conversation__team", "conversation__owner", "asked_by").filter(pk=opening_id).first()
    )
    if opening is None:
        raise NotFound
    opening.state = ChatOpening.State.ENDED
    opening.save(update_fields=["state", "updated_at"])
    _record("opening.ended", admin, opening)


def listed(*, admin: User) -> Sequence[ChatOpening]:
    """Return the latest openings of everybody, for administrators."""
    require_system_admin(admin)
    rows = ChatOpening.objects.select_related("conversation__team", "conversation__owner", "asked_by", "decided_by")
    return list(rows.order_by("-created_at")[:MOST_LISTED])


def notices_for(user: User) -> Sequence[ChatOpening]:
    """Return the openings of the person's conversations that they have not been told of yet."""
    states = [ChatOpening.State.OPEN, ChatOpening.State.ENDED]
    rows = ChatOpening.objects.filter(
        conversation__owner=user, told_at=None, state__in=states, expires_at__isnull=False
    )
    return list(rows.select_related("asked_by", "decided_by", "conversation").order_by("created_at"))


def acknowledge(*, user: User, opening_id: UUID) -> None:
    """Keep that the owner saw the notice. Raises NotFound."""
    changed = ChatOpening.objects.filter(pk=opening_id, conversation__owner=user, told_at=None).update(
        told_at=timezone.now()
    )
    if not changed:
        raise NotFound
