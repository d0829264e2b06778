"""What the shell of every page needs: team, chats by time, libraries to jump to, theme.

Everything that asks the database is lazy: what does not draw the shell (sign-in, problems, fragments) pays nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.evaluation.alarms import open_alarms
from apps.ingestion.overview import bell
from apps.libraries.models import Library
from apps.libraries.validity import review_count
from apps.metering.services import remaining
from apps.users.models import Team, User

THEMES = ("system", "light", "dark")
JUMP_LIBRARIES = 100
MOST_ALARMS = 4  # in the bell
# Of the rail, by the namespace of the addresses.
PARTS = {"chat": "chat", "libraries": "libraries", "ingestion": "libraries", "images": "images"}


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the template context of the shell; for a stranger only the theme and the limits."""
    context: dict[str, Any] = {"theme": theme_of(request), "limits": _limits()}
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return context
    team: Team | None = getattr(request, "team", None)
    return context | {
        "team": team,
        "teams": getattr(request, "teams", []),
        "main_part": _part(request),
        "rail": _lazy(lambda: _rail(user, team) if team else []),
        "jump_libraries": _lazy(lambda: _libraries(user, team)),
        "bell": _lazy(lambda: bell(user, team)),
        "run_alarms": _lazy(lambda: list(open_alarms(user, team)[:MOST_ALARMS])),
        "to_review": _lazy(lambda: review_count(user)),
        "remaining": _lazy(lambda: remaining(user, team)),
    }


def theme_of(request: HttpRequest) -> str:
    """Return system, light or dark: what this browser chose last, else what the person set."""
    chosen = request.COOKIES.get("kb_theme") or getattr(getattr(request, "user", None), "theme", "")
    return chosen if chosen in THEMES else "system"


def _part(request: HttpRequest) -> str:
    """Return in which part of the rail the page is: chat, libraries or neither, as the console's pages of any app."""
    match = request.resolver_match
    return "" if match is None or request.path.startswith("/system/") else PARTS.get(match.namespace, "")


def _libraries(user: User, team: Team | None) -> Sequence[Library]:
    if team is None:
        return []
    return list(Library.objects.readable_by(user).filter(team=team).only("id", "name")[:JUMP_LIBRARIES])


def _limits() -> dict[str, int]:
    env = settings.ENV
    return {
        "upload_max_mib": env.upload_max_mib,
        "upload_max_files": env.upload_max_files,
        "document_max_pages": env.document_max_pages,
        "undo_days": env.undo_days,
        "remind_days": env.remind_days,
    }


def _rail(user: User, team: Team) -> Sequence[Any]:
    from apps.chat.services import rail

    return list(rail(user, team))


def _lazy(make: Callable[[], Any]) -> Any:
    return SimpleLazyObject(make)
