"""From a claimed answer to the steps of the answer pipeline: the rights of now, the history, the tools."""

from collections.abc import Iterator

from apps.catalog.access import team_default, usable_models
from apps.catalog.models import AIModel
from apps.chat.closed import AccessEnded
from apps.chat.models import Conversation, Message
from apps.chat.pictured import described
from apps.chat.thread import history_of, question_of
from apps.rag.pipeline import answer
from apps.rag.scoping import scope_for
from apps.rag.tools import build_tools
from apps.rag.types import Scope, Step


def scope_of(message: Message) -> Scope:
    """Return where to search by the rights of this moment, not those of the question. Raises AccessEnded."""
    conversation = message.conversation
    owner = conversation.owner
    if not Conversation.objects.readable_by(owner).filter(pk=conversation.pk).exists():
        raise AccessEnded
    scope = scope_for(owner, conversation.team_id, message.library_ids)
    if not scope.library_ids:
        raise AccessEnded
    return scope


def steps_of(message: Message) -> Iterator[Step]:
    """Return the steps of an answer; closing the iterator stops the model."""
    scope = scope_of(message)
    tools = build_tools(
        scope=scope,
        model=_model_of(message),
        mode=message.mode,
        is_strict=message.conversation.is_strict,
        uses_curated=not message.skips_curated,
    )
    return answer(described(question_of(message).text), history_of(message), tools, corrected=message.corrected)


def _model_of(message: Message) -> AIModel | None:
    """Return what answers by the rights of now: the chosen model, the team's default, None for the installation's.

    A model that was closed to the asker after the question gives way, and the answer's row says so.
    """
    conversation = message.conversation
    usable = usable_models(AIModel.Kind.CHAT, team_id=conversation.team_id, user=conversation.owner)
    if message.model_id is not None:
        chosen = usable.filter(pk=message.model_id).first()
        if chosen is not None:
            return chosen
        Message.objects.filter(pk=message.pk).update(model=None)
    return team_default(AIModel.Kind.CHAT, team_id=conversation.team_id, user=conversation.owner)
