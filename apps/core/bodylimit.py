"""Refuses too large request bodies while they arrive: Django under ASGI stores a whole body before a view runs."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import PROBLEM_PREFIX

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]
MIB = 1024 * 1024
SMALL_BYTES = 4 * MIB  # pages and forms; Django refuses form fields above 2 MiB by itself
FORM_BYTES = MIB  # what a multipart form adds to its file
UPLOAD_ENDS = (
    *("/upload/", "/read-settings/", "/documents"),
    *("/images/uploads", "/images/read-settings", "/images/edits"),
)


class _TooLarge(Exception):
    """More bytes came than the address takes."""


class BodyLimit:
    """Passes requests on to `app` and counts what their bodies bring; addresses of uploads take `upload_mib`."""

    def __init__(self, app: App, *, upload_mib: int) -> None:
        self._app = app
        self._upload_mib = upload_mib

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handle one request; answers 413 at once where the body is, or turns out to be, too large."""
        is_upload = scope["path"].endswith(UPLOAD_ENDS)
        limit = self._upload_mib * MIB + FORM_BYTES if is_upload else SMALL_BYTES
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > limit:
                raise _TooLarge
            return message

        try:
            if _declared(scope) > limit:
                raise _TooLarge
            await self._app(scope, counted, send)
        except _TooLarge:
            await _refuse(send, self._upload_mib if is_upload else SMALL_BYTES // MIB)


def _declared(scope: Any) -> int:
    """Return the Content-Length, 0 where it is absent or no number: then counting decides."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _refuse(send: Send, limit_mib: int) -> None:
    body = {
        "type": PROBLEM_PREFIX + "upload-too-large",
        "title": _("The file is too large"),
        "status": 413,
        "code": "upload-too-large",
        "detail": _("At most %(limit_mib)s MiB are taken. Nothing was kept.") % {"limit_mib": limit_mib},
        "limit_mib": limit_mib,
    }
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
