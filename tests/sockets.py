"""A websocket client for tests: channels' own one needs daphne, which the product does not."""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from kb_project.asgi import application

PATIENCE_S = 10
ORIGIN = b"http://localhost"


class Socket:
    """One connection to the product's ASGI application."""

    def __init__(self, path: str, client: Client | None = None, origin: bytes | None = ORIGIN) -> None:
        headers = [(b"host", b"localhost")]
        if origin is not None:
            headers.append((b"origin", origin))
        if client is not None and settings.SESSION_COOKIE_NAME in client.cookies:
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
        self._application = ApplicationCommunicator(application, scope)

    async def connect(self) -> tuple[bool, int | None]:
        """Return whether it was accepted, and the code it was closed with otherwise."""
        await self._application.send_input({"type": "websocket.connect"})
        output = await self.receive_output()
        return output["type"] == "websocket.accept", output.get("code")

    async def send(self, text: str) -> None:
        """Send a text frame."""
        await self._application.send_input({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._application.send_input({"type": "websocket.receive", "bytes": data})

    async def command(self, **fields: object) -> None:
        """Send a JSON object."""
        await self.send(json.dumps(fields))

    async def receive_output(self) -> Any:
        """Return the next ASGI event."""
        return await self._application.receive_output(PATIENCE_S)

    async def frame(self) -> dict[str, Any]:
        """Return the next frame's JSON object."""
        output = await self.receive_output()
        assert output["type"] == "websocket.send", output
        frame: dict[str, Any] = json.loads(output["text"])
        return frame

    async def code_of_close(self) -> int:
        """Return the code that the server closes with, after whatever it still sends."""
        while True:
            output = await self.receive_output()
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def disconnect(self) -> None:
        """Go away like a closed tab."""
        await self._application.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._application.wait(PATIENCE_S)
