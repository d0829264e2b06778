"""What must always hold of conversations, checked by `manage.py verify_invariants`."""

from datetime import timedelta

from django.db.models import Count, F
from django.db.models.functions import Now

from apps.chat.models import Citation, Message
from apps.core.invariants import invariant
from apps.metering.models import Reservation

GRACE = timedelta(minutes=2)  # the reaper looks every ten seconds


@invariant("chat.answers-end")
def answers_end() -> list[str]:
    """Every answer has ended, or a worker owns it, or it is rung for again."""
    stuck = Message.objects.filter(state__in=Message.LIVE, conversation__deleted_at=None).exclude(
        lease_until__gt=Now() - GRACE
    )
    return [f"Answer {pk} is {state} without a lease." for pk, state in stuck.values_list("pk", "state")[:20]]


@invariant("chat.answers-have-questions")
def answers_have_questions() -> list[str]:
    """Every answer stands below a question of the same conversation."""
    answers = Message.objects.filter(role=Message.Role.ASSISTANT)
    lost = answers.exclude(parent__role=Message.Role.USER, parent__conversation_id=F("conversation_id"))
    return [f"Answer {pk} has no question in its conversation." for pk in lost.values_list("pk", flat=True)[:20]]


@invariant("chat.citations-of-ended-answers")
def citations_belong_to_answers() -> list[str]:
    """Only answers that ended have citations, each number once."""
    live = Citation.objects.filter(message__state__in=Message.LIVE).values_list("message_id", flat=True)
    twice = Citation.objects.values("message_id", "number").annotate(n=Count("pk")).filter(n__gt=1)
    return [f"Answer {pk} is under way and has citations already." for pk in live.distinct()[:20]] + [
        f"Answer {each['message_id']} cites {each['number']} twice." for each in twice[:20]
    ]


@invariant("chat.reservations-settled")
def reservations_settled() -> list[str]:
    """No answer that ended holds quota."""
    ended = Message.objects.filter(role=Message.Role.ASSISTANT, reservation__isnull=False).exclude(
        state__in=Message.LIVE
    )
    held = Reservation.objects.filter(state=Reservation.State.OPEN, pk__in=ended.values("reservation"))
    return [f"Reservation {pk} is open though its answer ended." for pk in held.values_list("pk", flat=True)[:20]]
