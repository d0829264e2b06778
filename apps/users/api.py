"""The REST API's view of the person and the key."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.users.access import acting_key
from apps.users.api_auth import ANY, person_of
from apps.users.models import ApiKey, Team


class MeView(APIView):
    """Who asks, for which team, and what the key may."""

    scope = ANY

    def get(self, request: Request) -> Response:
        """Return the person, the teams (of a key: its own) and the key."""
        user = person_of(request)
        teams: list[Team] = getattr(request._request, "teams", [])
        key = request.auth if isinstance(request.auth, ApiKey) else None
        return Response(
            {
                "user": {"id": str(user.pk), "email": user.email, "name": user.name},
                "teams": [{"id": str(team.pk), "name": team.name} for team in teams],
                "key": _key(key) if key else None,
            }
        )


def _key(key: ApiKey) -> dict[str, object]:
    limits = acting_key.get()
    libraries = limits.library_ids if limits else None
    return {
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "libraries": sorted(map(str, libraries)) if libraries is not None else None,
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }
