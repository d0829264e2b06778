"""What every page needs to know about the person: their language and the team they work in."""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from apps.users import activity
from apps.users.access import memberships_of
from apps.users.models import Role
from apps.users.requests import PersonRequest

GetResponse = Callable[[HttpRequest], HttpResponse]
TEAM_KEY = "team_id"  # in the session


class PersonLanguageMiddleware:
    """Speaks the person's language: their setting, else the cookie, else what the browser prefers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        chosen = getattr(request.user, "language", "")
        language = chosen or translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            if hasattr(response, "render") and not getattr(response, "is_rendered", True):
                response.render()  # before the language is put back
        response.headers.setdefault("Content-Language", language)
        if not chosen:
            patch_vary_headers(response, ("Accept-Language",))
        return response


class CurrentTeamMiddleware:
    """Sets `request.teams`, `request.team` and `request.role`; one query for a signed-in person, none for others.

    They are plain values, since a lazy object that wraps None is not None.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        _set_no_team(request)
        if request.user.is_authenticated:
            _set_team(cast("PersonRequest", request))
        return self.get_response(request)


def _set_no_team(request: HttpRequest) -> None:
    anybody = cast("PersonRequest", request)
    anybody.teams, anybody.team, anybody.role = [], None, None


def _set_team(request: PersonRequest) -> None:
    memberships = list(
        memberships_of(request.user).select_related("team").order_by("team__name", "pk")  # of a key: its team alone
    )
    request.teams = [membership.team for membership in memberships]
    wanted = request.session.get(TEAM_KEY)
    current = next((one for one in memberships if str(one.team_id) == wanted), memberships[0] if memberships else None)
    if current:
        request.team, request.role = current.team, Role(current.role)
    activity.note(request.user, current)
