"""What a deleted team's conversations leave outside of their rows."""

from uuid import UUID

from apps.chat.models import Conversation, Message
from apps.core import events
from apps.users.deletion import Beat, removes

AT_ONCE = 100  # conversations


@removes("chat", order=30)
def remove_conversations(team_id: UUID, beat: Beat) -> None:
    """Remove the team's conversations with the event logs of their answers."""
    while ids := list(Conversation.objects.filter(team=team_id).values_list("pk", flat=True)[:AT_ONCE]):
        answers = Message.objects.filter(conversation__in=ids, role=Message.Role.ASSISTANT)
        keys = list(answers.values_list("pk", flat=True))
        Conversation.objects.filter(pk__in=ids).delete()
        events.forget(keys)
        beat()
