"""Whom a request and a socket work for: nobody at first, then the teams that the person is in at this moment."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse

from apps.core import tenancy
from apps.users.access import acting_key
from apps.users.models import Membership, User

GetResponse = Callable[[HttpRequest], HttpResponse]
SYSTEM = ("/system/", "/admin/")  # pages about the installation, which its administrators alone may open
ASGI = Callable[[Any, Any, Any], Awaitable[None]]


class NobodyMiddleware:
    """The outermost one: until it is known who asks, no row of any team can be read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        with tenancy.acting_for():
            return self.get_response(request)


class TeamsMiddleware:
    """Opens the wall for the teams that CurrentTeamMiddleware found; behind it, so that an API key has its one team."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        if _is_about_system(request):
            with tenancy.everything("a page about the installation"):
                return _streamed(self.get_response(request))
        with tenancy.acting_for(*(team.pk for team in getattr(request, "teams", ()))):
            return _streamed(self.get_response(request))


def _is_about_system(request: HttpRequest) -> bool:
    user = request.user
    return (
        request.path.startswith(SYSTEM)
        and isinstance(user, User)
        and user.is_active
        and user.is_superuser
        and acting_key.get() is None
    )


def _streamed(response: HttpResponse) -> HttpResponse:
    """Let what is sent piece by piece see what the view saw."""
    anything: Any = response
    if response.streaming:
        keep: Any = tenancy.kept_async if anything.is_async else tenancy.kept
        anything.streaming_content = keep(anything.streaming_content)
    return response


def teams_of(user: User) -> list[UUID]:
    """Return the teams that the person is in now."""
    return list(Membership.objects.live().filter(user=user).values_list("team_id", flat=True))


async def work_as(user: User) -> None:
    """Let the socket's task work for the teams that the person is in now."""
    tenancy.work_for(await database_sync_to_async(teams_of)(user))


def for_nobody(application: ASGI) -> ASGI:
    """Return the application for sockets, which begin like requests."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        with tenancy.acting_for():
            await application(scope, receive, send)

    return wrapped
