"""What may be drawn in a team: its own rules and the installation's together, asked before quota is held."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from apps.images.blocking import holds_any
from apps.images.errors import DrawingOff, WordBlocked
from apps.images.models import ImagePolicy
from apps.users.models import Team, User
from apps.users.signals import tell


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for a team: a rule of the installation cannot be taken back by it, only be added to."""

    is_enabled: bool = True
    is_checked: bool = False
    watermark: str | None = None  # its words, "": the team's name; None: there is none
    blocked_words: tuple[str, ...] = ()  # lists, of the installation and of the team, one word a line each


def rules_of(team_id: UUID) -> Rules:
    """Return what holds for a team; one query."""
    rows = ImagePolicy.objects.filter(team=team_id) | ImagePolicy.objects.filter(team=None)
    policies = sorted(rows, key=lambda policy: policy.team_id is not None)  # the team's words come last and win
    marks = [policy.watermark.strip() for policy in policies if policy.is_watermarked]
    return Rules(
        is_enabled=all(policy.is_enabled for policy in policies),
        is_checked=any(policy.is_checked for policy in policies),
        watermark=next((words for words in reversed(marks) if words), "") if marks else None,
        blocked_words=tuple(policy.blocked_words for policy in policies if policy.blocked_words.strip()),
    )


def is_open(team: Team) -> bool:
    """Return whether the team may draw; one query."""
    return rules_of(team.pk).is_enabled


def check_prompts(team: Team, prompts: Iterable[str]) -> None:
    """Raise DrawingOff or WordBlocked; one query. The prompts are those that are drawn: with every word filled in.

    Negative prompts are not asked about: what somebody wants to keep out of a picture may be named.
    """
    rules = rules_of(team.pk)
    if not rules.is_enabled:
        raise DrawingOff
    texts = list(prompts)
    if any(holds_any(texts, words) for words in rules.blocked_words):
        raise WordBlocked


@contextmanager
def refusals_told(user: User, team: Team) -> Iterator[None]:
    """Note in the log whose prompt was refused within the block; neither the prompt nor the word stands there."""
    try:
        yield
    except WordBlocked:
        tell("picture.refused", actor=user, team=team, target=team)
        raise
