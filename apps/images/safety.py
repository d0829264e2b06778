"""What may be drawn in a team, asked before an order is taken."""

from collections.abc import Iterable

from apps.images.errors import DrawingOff, WordBlocked
from apps.images.models import ImagePolicy
from apps.users.models import Team


def check_prompts(team: Team, prompts: Iterable[str]) -> None:
    """Raise where the team, or the installation, draws nothing or blocks a word of these prompts; one query."""
    policies = ImagePolicy.objects.filter(team=team) | ImagePolicy.objects.filter(team=None)
    words: set[str] = set()
    for policy in policies:
        if not policy.is_enabled:
            raise DrawingOff
        words.update(word.strip().casefold() for word in policy.blocked_words.splitlines() if word.strip())
    for prompt in prompts:
        folded = prompt.casefold()
        if any(word in folded for word in words):
            raise WordBlocked
