"""What a person never wants in a picture: kept per person and team."""

from apps.images.assistant.craft import negative_list
from apps.images.models import AssistantWords
from apps.users.access import access_team
from apps.users.models import Team, User

MOST_CHARS = 500


def words_of(user: User, team: Team) -> str:
    """Return the person's own list as they wrote it; one query."""
    return AssistantWords.objects.filter(owner=user, team=team).values_list("negative", flat=True).first() or ""


def keep(user: User, team: Team, text: str) -> str:
    """Keep the person's list, tidied; return it. For members of the team."""
    access_team(user, team.pk)
    tidy = ", ".join(dict.fromkeys(negative_list(text.replace("\0", ""))))[:MOST_CHARS]
    AssistantWords.objects.update_or_create(owner=user, team=team, defaults={"negative": tidy})
    return tidy
