"""What askers think of answers: one vote of theirs, changed in place, taken back at will."""

from collections.abc import Iterable

from django.db import transaction

from apps.chat.errors import NotVotable
from apps.chat.models import Feedback, Message
from apps.core.text import one_line
from apps.libraries import asked
from apps.users.models import User

COMMENT_MAX = 2_000
VOTES = (-1, 1)


@transaction.atomic
def give(*, user: User, message: Message, vote: int, reasons: Iterable[str] = (), comment: str = "") -> Feedback | None:
    """Record a vote with its reasons; 0 takes it back. The log of questions follows. Raises NotVotable."""
    if message.is_live or message.role != Message.Role.ASSISTANT:
        raise NotVotable
    asked.vote(message.pk, vote if vote in VOTES else 0)
    if vote not in VOTES:
        Feedback.objects.filter(message=message).delete()
        return None
    known = [reason for reason in Feedback.Reason.values if reason in set(reasons)] if vote < 0 else []
    values = {"user": user, "vote": vote, "reasons": known, "comment": one_line(comment)[:COMMENT_MAX]}
    row, _is_new = Feedback.objects.update_or_create(message=message, defaults=values)
    return row
