"""What an answer may use: quota is held before it, and at a limit a smaller model may take over."""

from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.conf import settings

from apps.catalog.access import team_default, usable_models
from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.chat.models import Conversation, Message
from apps.core.errors import Value
from apps.metering import services as metering
from apps.metering.models import Resource
from apps.users.models import Team, User

PROMPT_TOKENS = 1_500  # held for a question with its passages; the settlement counts the real ones


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is held for an answer; `model` is set where another has to make it, `passed` says why."""

    reservation: UUID
    model: AIModel | None = None
    passed: dict[str, Value] = field(default_factory=dict)  # the params of QuotaExceeded


def allow(user: User, team: Team, chosen: AIModel | None, mode: str) -> Allowance:
    """Hold what one answer may use. Raises QuotaExceeded, also where the smaller model is not there."""
    amounts = {
        Resource.QUESTIONS: 1,
        Resource.GENERATIONS: 1,
        Resource.OUTPUT_TOKENS: settings.ENV.answer_max_tokens,
        Resource.PROMPT_TOKENS: PROMPT_TOKENS,
    }
    if mode == Conversation.Mode.QUOTE:  # no model reads or writes
        amounts = {Resource.QUESTIONS: 1, Resource.GENERATIONS: 1}
    name = "" if mode == Conversation.Mode.QUOTE else _name(user, team, chosen)
    held = metering.reserve(user=user, team=team, amounts=amounts, model=name)
    if held.degraded is None or mode == Conversation.Mode.QUOTE:
        return Allowance(held.pk)
    usable = usable_models(AIModel.Kind.CHAT, team_id=team.pk, user=user)
    smaller = usable.filter(name=held.model).first()
    if smaller is None:
        metering.release(held.pk)
        raise held.degraded
    return Allowance(held.pk, smaller, dict(held.degraded.params) if smaller.name != name else {})


def _name(user: User, team: Team, chosen: AIModel | None) -> str:
    """Return the name of the model that will answer: its price counts, and the sums by model."""
    model = chosen or team_default(AIModel.Kind.CHAT, team_id=team.pk, user=user)
    try:
        return (model or default_model(AIModel.Kind.CHAT)).name
    except NoModel:
        return ""


def or_release(allowed: Allowance, make: partial[Message]) -> Message:
    """Return what `make` creates; where it fails nothing stays held."""
    message: Message | None = None
    try:
        message = make()
        return message
    finally:
        if message is None:
            metering.release(allowed.reservation)
