"""The socket matrix: every socket, knocked at by somebody who has no right to it, and from another site."""

import re
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.utils.module_loading import import_string

from kb_project.urls import websocket_urlpatterns
from tests.routes import SOCKETS, Things
from tests.test_routes import PERSONAS, arguments, things  # noqa: F401 -- a fixture


def test_it_lists_every_socket_and_no_other() -> None:
    assert {str(one.pattern) for one in websocket_urlpatterns} == set(SOCKETS)


@pytest.fixture
def sockets(transactional_db: None, request: pytest.FixtureRequest) -> tuple[Things, dict[str, str]]:
    """Return the objects, and each persona's session cookie; committed, since sockets read on other connections."""
    cookies = {}
    for persona in (*PERSONAS, "alice"):
        session = request.getfixturevalue(f"{persona}_client").cookies.get("kb_session")
        cookies[persona] = f"kb_session={session.value}" if session else ""
    return request.getfixturevalue("things"), cookies


async def knock(path: str, cookie: str, origin: str = "http://localhost") -> dict[str, Any]:
    """Open a socket as a browser does; return the first thing that the server says."""
    headers = [(b"host", b"localhost"), (b"cookie", cookie.encode()), (b"origin", origin.encode())]
    scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b"", "subprotocols": []}
    socket = ApplicationCommunicator(import_string("kb_project.asgi.application"), scope)
    await socket.send_input({"type": "websocket.connect"})
    answer = await socket.receive_output(timeout=10)
    if answer["type"] == "websocket.accept":
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait(timeout=10)
    return dict(answer)


def socket_path(pattern: str, objects: Things) -> str:
    values = arguments(objects)
    return "/" + re.sub(r"<\w+:(\w+)>", lambda found: str(values[found.group(1)]), pattern)


@pytest.mark.parametrize("pattern", sorted(SOCKETS))
async def test_it_opens_sockets_to_those_with_the_right_alone(
    pattern: str, sockets: tuple[Things, dict[str, str]]
) -> None:
    objects, cookies = sockets
    path = socket_path(pattern, objects)

    answers = {persona: await knock(path, cookies[persona]) for persona in PERSONAS}

    assert {persona: answer.get("code") for persona, answer in answers.items()} == SOCKETS[pattern]
    assert (await knock(path, cookies["alice"]))["type"] == "websocket.accept"


@pytest.mark.parametrize("pattern", sorted(SOCKETS))
async def test_it_opens_no_socket_to_another_site(pattern: str, sockets: tuple[Things, dict[str, str]]) -> None:
    objects, cookies = sockets

    for origin in ("http://evil.test", "null", "", "http://localhost.evil.test"):
        answer = await knock(socket_path(pattern, objects), cookies["alice"], origin)
        assert answer["type"] == "websocket.close", origin
