"""Health pages for load balancers and the supervisor."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that this process is alive; asks nothing of others."""
    return JsonResponse({"ok": True})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database and the broker answer, else 503 with the name of what does not."""
    missing = [name for name, works in (("database", _database_works()), ("broker", _broker_works())) if not works]
    return JsonResponse({"ok": not missing, "missing": missing}, status=503 if missing else 200)


def _database_works() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker_works() -> bool:
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False
