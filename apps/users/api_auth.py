"""API keys on requests: one parser, one place that lets them in, and the limits of the key for as long as it acts.

A key counts below `/api/` and `/v1/` alone; on every other address it is not even looked at. The middleware
(api_middleware.py) runs before all that asks who the person is, so everything behind it (teams, language, the
database's second wall) sees the key's person in the key's team, and `acting_key` narrows what the gates give.
"""

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.core.errors import NotFound
from apps.users.access import KeyLimits, acting_key
from apps.users.errors import KeyAmbiguous, KeyRefused, ScopeMissing
from apps.users.models import ApiKey, KeyScope, Team, User

ANY = "any"  # a scope for views that every key may ask


def presented_key(request: HttpRequest) -> str | None:
    """Return the secret that a request brings, None for none; raises KeyRefused and KeyAmbiguous.

    The only parser. `Authorization: Bearer …` and `x-api-key: …` mean the same; any other scheme, a second value and
    two that differ are refused. Nothing else can carry a key: no query, no cookie, no form, no subprotocol.
    """
    bearer = _bearer(request.headers.get("Authorization"))
    plain = request.headers.get("X-Api-Key")
    if bearer is not None and plain is not None and bearer != plain.strip():
        raise KeyAmbiguous
    return bearer if bearer is not None else plain.strip() if plain is not None else None


def _bearer(header: str | None) -> str | None:
    if header is None:
        return None
    scheme, _space, secret = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise KeyRefused
    return secret.strip()


def limits_of(key: ApiKey) -> KeyLimits:
    """Return what the key allows at most."""
    libraries = frozenset(key.library_ids) if key.library_ids is not None else None
    return KeyLimits(key.pk, key.team_id, frozenset(key.scopes), libraries)


class KeyAuthentication(BaseAuthentication):
    """Tells REST framework what the middleware found. A session beside a key counts for nothing."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Return the key's person and the key; None where no key was brought."""
        key: ApiKey | None = getattr(request._request, "api_key", None)
        return (key.user, key) if key is not None else None

    def authenticate_header(self, request: Request) -> str:
        """Return what makes an answer to a stranger 401."""
        return "Bearer"


class KeyHasScope(BasePermission):
    """Lets a key in where it has the scope that the view names; a view without one takes no keys at all.

    A view names one scope for all methods (`scope`) or one for each (`scopes`).
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the request may go on; raises ScopeMissing."""
        limits = acting_key.get()
        if limits is None:
            return True
        wanted = wanted_scope(view, request.method or "")
        if wanted is None or (wanted != ANY and wanted not in limits.scopes):
            raise ScopeMissing(scope=str(wanted or ""))
        return True


def wanted_scope(view: Any, method: str) -> str | None:
    """Return the scope that a method of a view needs; None: no key may."""
    of_method: dict[str, KeyScope] = getattr(view, "scopes", {})
    name = "GET" if method in {"HEAD", "OPTIONS"} else method
    return of_method.get(name, getattr(view, "scope", None))


def asked_team(request: Request) -> Team:
    """Return the team that a request is about: the key's, or the one that the person works in. Raises NotFound."""
    team: Team | None = getattr(request._request, "team", None)
    if team is None:
        raise NotFound
    return team


def person_of(request: Request) -> User:
    """Return who asks; IsAuthenticated has let nobody else in."""
    user = request.user
    if not isinstance(user, User):
        raise NotFound
    return user
