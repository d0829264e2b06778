"""Keeps when and from where a session was last used, without a write for each request."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import cast

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from apps.users import sessions
from apps.users.models import User

GetResponse = Callable[[HttpRequest], HttpResponse]
EVERY_S = 60
MOST_KNOWN = 10_000
DAY_S = 24 * 3600


class LastSeenMiddleware:
    """Writes the last use of a session about once a minute; between that it asks neither database nor cache."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._known: OrderedDict[str, float] = OrderedDict()  # of this process: session -> when it was looked at

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        response = self.get_response(request)
        key = request.session.session_key if request.user.is_authenticated else None
        if key and self._is_due(key):
            self._keep(key, request)
        return response

    def _is_due(self, key: str) -> bool:
        now = time.monotonic()
        if now - self._known.get(key, -EVERY_S) < EVERY_S:
            return False
        self._known[key] = now
        self._known.move_to_end(key)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return True

    @staticmethod
    def _keep(key: str, request: HttpRequest) -> None:
        """Write, unless another process just did; the first sight of a session was written by the sign-in."""
        name = sessions.seen_name(key)
        written = cache.get(name)
        now = time.time()
        if written is None or now - written >= EVERY_S:
            cache.set(name, now, DAY_S)
        if written is not None and now - written >= EVERY_S:
            sessions.note_seen(cast("User", request.user), key, request)
