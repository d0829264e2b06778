"""A theme on its way: put down by the web process, written about by a worker, looked for again by the page.

Both meet in a mailbox (`core.mailbox`); a token of somebody else is not found there. Whoever takes the claim settles
the quota: the worker that writes, or the page that gives up before one began.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.catalog.suiting import is_demo
from apps.core import tenancy
from apps.core.errors import AppError
from apps.core.mailbox import Mailbox
from apps.images.assistant import choosing, words
from apps.images.assistant.craft import Written, negative_list
from apps.images.assistant.errors import AssistantFailed, AssistantTooSlow, EmptyTheme
from apps.images.assistant.writing import MAX_TOKENS, Ask, Use, write
from apps.images.errors import ModelGone, RightLost
from apps.images.resolving import model_of
from apps.images.safety import check_prompts
from apps.metering import services as metering
from apps.metering.models import Resource
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure
from apps.users.access import access_team
from apps.users.models import Membership, Team, User

logger = logging.getLogger(__name__)
KEPT_S = 600
WAIT_S = 180.0  # from asking to an answer, the queue included
MOST_CHARS = 2_000
PROMPT_TOKENS = 1_200  # held; the settlement counts the real ones


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, by whom and of which model; `old` is what stood in the form."""

    user: str
    team: str
    theme: str
    model: str
    is_demo: bool
    old_prompt: str
    old_negative: str
    reservation: str
    asked_at: float = field(default_factory=time.time)
    token: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Letter:
    """A wish and what became of it: `written`, an error, or neither yet."""

    wish: Wish
    written: Written | None = None
    error: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """Return the wish's."""
        return self.wish.token

    @property
    def user(self) -> str:
        """Return whose it is."""
        return self.wish.user

    @property
    def is_open(self) -> bool:
        """Return whether it is still being written."""
        return self.written is None and not self.error


BOX = Mailbox("assistant", Letter, kept_s=KEPT_S)


@dataclass(frozen=True, slots=True)
class Theme:
    """What a person asks for: a text in any language, for an image model, written by a chat model ("": the best)."""

    text: str
    image_model: str = ""
    chat_model: str = ""
    old_prompt: str = ""
    old_negative: str = ""


def ask(user: User, team: Team, theme: Theme, ring: Callable[[str], None]) -> Wish:
    """Put a theme down, with its tokens held; return the wish. For members of the team.

    Raises EmptyTheme, NoModel, UnknownImageModel, what `check_prompts` raises, QuotaExceeded.
    """
    access_team(user, team.pk)
    text = " ".join(theme.text.split())[:MOST_CHARS]
    if not text:
        raise EmptyTheme
    check_prompts(team, [text])
    drawn_by = model_of(user, team, theme.image_model)
    writer = choosing.choose(user, team, text, theme.chat_model)
    wish = Wish(
        user=str(user.pk), team=str(team.pk), theme=text, model=writer.name, is_demo=is_demo(drawn_by),
        old_prompt=theme.old_prompt[:MOST_CHARS], old_negative=theme.old_negative[:MOST_CHARS],
        reservation=str(hold(user, team, writer.name)),
    )  # fmt: skip
    BOX.put(Letter(wish))
    ring(wish.token)
    return wish


def hold(user: User, team: Team, model: str) -> UUID:
    """Hold what one prompt may cost. Raises QuotaExceeded; no smaller model stands in."""
    amounts = {Resource.GENERATIONS: 1, Resource.PROMPT_TOKENS: PROMPT_TOKENS, Resource.OUTPUT_TOKENS: MAX_TOKENS}
    held = metering.reserve(user=user, team=team, amounts=amounts, model=model)
    if held.degraded is not None:
        metering.release(held.pk)
        raise held.degraded
    return held.pk


def settle(reservation: UUID, use: Use) -> None:
    """Count what was read and written; release it all where nothing was."""
    if not use.prompt_tokens:
        metering.release(reservation)
        return
    amounts = {Resource.PROMPT_TOKENS: use.prompt_tokens, Resource.OUTPUT_TOKENS: use.output_tokens}
    metering.settle(reservation, amounts)


def look(user: User, token: UUID) -> Letter:
    """Return what became of the person's own wish; one that took too long fails here. Raises NotFound."""
    letter = BOX.own(token, user=str(user.pk))
    if letter.is_open and time.time() - letter.wish.asked_at > WAIT_S:
        give_up(user, token)
        return replace(letter, error=AssistantTooSlow.code)
    return letter


def give_up(user: User, token: UUID) -> None:
    """Wait no longer for one's own wish: a worker that writes stops at its next word. Raises NotFound."""
    letter = BOX.own(token, user=str(user.pk))
    BOX.take_out(token)
    if BOX.claim(token):
        metering.release(UUID(letter.wish.reservation))


def run(token: str) -> None:
    """Write, in a worker; nothing is done for somebody who has gone, nor twice."""
    letter = BOX.letter(token)
    if letter is None or not letter.is_open or not BOX.claim(token):
        return
    wish, use = letter.wish, Use()
    try:
        with tenancy.acting_for(UUID(wish.team)):
            _tell(replace(letter, written=_written(wish, use)))
    except AppError as error:
        _tell(replace(letter, error=error.code, params=dict(error.params)))
    except RuntimeFailure:
        logger.exception("the assistant's model failed", extra={"wish": token})
        _tell(replace(letter, error=AssistantFailed.code))
    finally:
        settle(UUID(wish.reservation), use)


def fail(token: str) -> None:
    """Say that something broke that nobody foresaw."""
    letter = BOX.letter(token)
    if letter is not None:
        BOX.put(replace(letter, error=AssistantFailed.code))


def _written(wish: Wish, use: Use) -> Written:
    user = User.objects.get(pk=wish.user)
    team = Team.objects.get(pk=wish.team)
    model = writer_still(user, team, wish.model)
    asked = Ask(wish.theme, negative_list(words.words_of(user, team)), wish.is_demo)
    return write(registry.chat_model(spec_of(model)), asked, use, lambda: not BOX.has(wish.token))


def writer_still(user: User, team: Team, name: str) -> AIModel:
    """Return the chat model if the person may still use it, and is still in the team. Raises RightLost, ModelGone."""
    if not Membership.objects.live().filter(user=user, team=team).exists():
        raise RightLost
    model = usable_models(AIModel.Kind.CHAT, team_id=team.pk, user=user).filter(name=name).first()
    if model is None:
        raise ModelGone
    return model


def _tell(letter: Letter) -> None:
    if BOX.has(letter.token):  # else nobody waits
        BOX.put(letter)
