"""The gates of this app: no conversation, message or citation is loaded for a person in any other way."""

from uuid import UUID

from apps.chat.models import Citation, Conversation, Message
from apps.core.errors import NotFound
from apps.users.models import User


def access_conversation(user: User, conversation_id: UUID, *, deleted: bool = False) -> Conversation:
    """Return the person's own conversation; with `deleted`, one that can still be restored. Raises NotFound."""
    readable = Conversation.objects.owned_by(user) if deleted else Conversation.objects.readable_by(user)
    conversation = readable.select_related("team", "model").filter(pk=conversation_id).first()
    if conversation is None:
        raise NotFound
    return conversation


def access_message(user: User, message_id: UUID) -> Message:
    """Return a message of the person's own conversation. Raises NotFound."""
    message = (
        Message.objects.filter(conversation__in=Conversation.objects.readable_by(user))
        .select_related("conversation__team", "model")
        .filter(pk=message_id)
        .first()
    )
    if message is None:
        raise NotFound
    return message


def access_citation(user: User, message_id: UUID, number: int) -> Citation:
    """Return a citation of such a message. Raises NotFound."""
    message = access_message(user, message_id)
    citation = message.citations.select_related("document__library", "version", "chunk").filter(number=number).first()
    if citation is None:
        raise NotFound
    return citation
