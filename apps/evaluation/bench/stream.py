"""What a reader sees at the socket: tokens a second and the wait for the first, against llama-cpp-python alone.

Starts a web process and a models worker of its own on a free port and a database of Valkey that nothing else uses, asks
by HTTP like the page does, and follows by the websocket. Each question is then given, with the very same prompt, to
plain llama-cpp-python; the rounds alternate, so that other load of the machine hits both alike.
"""

import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.chat.models import Conversation, Message
from apps.evaluation.scratch import Scratch, scratch_library
from apps.evaluation.sets import Source
from apps.rag.pipeline import answer
from apps.rag.tools import build_tools
from apps.rag.types import Scope
from apps.runtimes.contracts import ChatModel, Piece, RuntimeFailure, Sampling
from apps.runtimes.llama.raw import raw_llama, raw_stream
from apps.runtimes.registry import fresh_chat_model
from apps.users.models import Membership, Role, User

ROUNDS = 7
LEAST_TOKENS = 12  # shorter answers say nothing about a rate
START_S = 240.0
ANSWER_S = 300.0
VALKEY_DATABASE = 9
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PLACES = ("Arden", "Belmont", "Corley", "Denby", "Elton", "Farley", "Girton", "Halton", "Ilkley", "Jarrow")


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer as it arrived: times on one clock, tokens after the first frame with text."""

    tokens: int
    first_s: float  # from the question's posting to its first text
    rate: float  # tokens a second from the first text to the last
    own_s: float  # what the model itself took for its first token
    arrived_s: dict[str, float]  # when the first event of each kind came, from the posting on


def stream_ratio(rounds: int = ROUNDS) -> dict[str, Any]:
    """Return `stream_ratio` and `first_token_overhead_ms`, with their raw figures. Raises RuntimeFailure."""
    seen: list[Seen] = []
    raw: list[float] = []
    model = default_model(AIModel.Kind.CHAT)
    with (
        scratch_library([_source(place) for place in PLACES]) as scratch,
        _person(scratch) as cookie,
        _installation() as port,
        closing(raw_llama(spec_of(model))) as llama,
        _counter(model) as counter,
    ):
        for place in PLACES[: rounds + 1]:
            conversation = Conversation.objects.create(team=scratch.team, owner=_owner(scratch), mode="generate")
            seen.append(_ask(port, cookie, conversation, _question(place)))
            raw.append(_raw_rate(scratch.scope, model, _question(place), llama, counter))
    return _figures(seen[1:], raw[1:])  # the first warms up


def _figures(seen: Sequence[Seen], raw: Sequence[float]) -> dict[str, Any]:
    pairs = [(each, rate) for each, rate in zip(seen, raw, strict=True) if each.tokens >= LEAST_TOKENS and rate]
    if not pairs:
        message = "No answer was long enough to be measured."
        raise RuntimeFailure(message)
    overheads = [1_000 * (each.first_s - each.own_s) for each, _rate in pairs]
    return {
        "stream_ratio": round(statistics.median(each.rate / rate for each, rate in pairs), 3),
        "socket_tokens_per_s": round(statistics.median(each.rate for each, _rate in pairs), 1),
        "raw_tokens_per_s": round(statistics.median(rate for _each, rate in pairs), 1),
        "first_token_overhead_ms": round(statistics.median(overheads)),
        "first_token_overheads_ms": [round(each) for each in overheads],
        "model_first_token_ms": round(1_000 * statistics.median(each.own_s for each, _rate in pairs)),
        "stream_rounds": len(pairs),
        "arrived_ms": {
            kind: round(1_000 * statistics.median(each.arrived_s[kind] for each, _rate in pairs))
            for kind in pairs[0][0].arrived_s
        },
    }


def _source(place: str) -> Source:
    text = (
        f"The public library of {place} opened in 1911 in a brick house beside the river. It holds forty thousand "
        "books, a reading room with tall windows and a garden with old pear trees. On Saturdays the children of "
        f"{place} meet there to hear stories, and in winter the baker brings bread and tea for everybody who reads "
        "in the hall."
    )
    return Source(id=place, title=f"Library of {place}", text=text)


def _question(place: str) -> str:
    return f"What is there to see in the public library of {place}, when did it open, and what happens on Saturdays?"


def _owner(scratch: Scratch) -> User:
    return User.objects.get(memberships__team=scratch.team)


@contextmanager
def _person(scratch: Scratch) -> Iterator[str]:
    """Yield the session cookie of a person who exists as long as the measurement."""
    user = User.objects.create_user(f"bench-{secrets.token_hex(8)}@localhost.invalid", name="Bench")
    Membership.objects.create(user=user, team=scratch.team, role=Role.VIEWER)
    session = SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    try:
        yield str(session.session_key)
    finally:
        session.delete()
        user.delete()


@contextmanager
def _installation() -> Iterator[int]:
    """Start web and worker, yield the port once the web process answers, stop both."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    base = urlsplit(settings.REDIS_URL)
    store = f"{base.scheme}://{base.netloc}{base.path}?db={VALKEY_DATABASE}"
    environment = os.environ | {"KB_REDIS_URL": store, "KB_PORT": str(port)}
    web = [
        "uvicorn",
        "kb_project.asgi:application",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    worker = ["celery", "-A", "kb_project.celery", "--quiet", "worker", "-P", "threads", "-c", "4", "-Q", "answer"]
    quiet = [*worker, "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "-n", "bench@%h"]
    children = [
        subprocess.Popen([sys.executable, "-m", *command], cwd=settings.BASE_DIR, env=environment)  # noqa: S603
        for command in (web, quiet)
    ]
    try:
        _wait_for(port, children)
        yield port
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(30)


def _wait_for(port: int, children: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(child.poll() is None for child in children):
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as http:
                http.request("GET", "/healthz")
                if http.getresponse().status == 200:  # noqa: PLR2004
                    return
        except OSError:
            time.sleep(0.2)
    message = "The web process of the benchmark did not start."
    raise RuntimeFailure(message)


def _ask(port: int, cookie: str, conversation: Conversation, question: str) -> Seen:
    """Ask as the page does: the socket is open before the question is posted."""
    origin = f"http://127.0.0.1:{port}"
    address = f"ws://127.0.0.1:{port}/ws/chat/{conversation.pk}/"
    cookies = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
    with connect(address, origin=Origin(origin), additional_headers=cookies) as followed:
        began = time.perf_counter()
        message = _post(port, cookie, conversation, question)
        arrived = {"post": time.perf_counter()}
        followed.send(json.dumps({"type": "follow", "message": str(message)}))
        times, tokens = _deltas(followed, arrived)
    steps = Message.objects.get(pk=message).steps
    own_s = float(steps.get("stages", {}).get("first_token", 0.0))
    if not times:
        return Seen(0, 0.0, 0.0, own_s, {})
    span = times[-1] - times[0]
    rate = sum(tokens[1:]) / span if span else 0.0
    return Seen(sum(tokens), times[0] - began, rate, own_s, {kind: at - began for kind, at in arrived.items()})


def _post(port: int, cookie: str, conversation: Conversation, question: str) -> UUID:
    token = secrets.token_hex(16)
    headers = {
        "Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}; {settings.CSRF_COOKIE_NAME}={token}",
        "X-CSRFToken": token,
        "Content-Type": "application/x-www-form-urlencoded",
        "HX-Request": "true",
    }
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as http:
        body = urlencode({"text": question, "mode": "generate"})
        http.request("POST", reverse("chat:ask", args=[conversation.pk]), body, headers)
        page = http.getresponse().read().decode()
    _before, mark, rest = page.partition(' message="')
    if not mark:
        message = f"The question was not taken: {page[:200]}"
        raise RuntimeFailure(message)
    return UUID(rest.partition('"')[0])


def _deltas(followed: ClientConnection, arrived: dict[str, float]) -> tuple[list[float], list[int]]:
    """Return when text arrived, and how many tokens it held each time; note when each kind of event came first."""
    times: list[float] = []
    tokens: list[int] = []
    while True:
        frame = json.loads(followed.recv(timeout=ANSWER_S))
        arrived.setdefault(frame["type"], time.perf_counter())
        if frame["type"] == "answer.delta":
            times.append(time.perf_counter())
            tokens.append(int(frame["tokens"]))
        elif frame["type"] in {"answer.finished", "answer.failed", "answer.stopped"} or frame.get("is_settled"):
            return times, tokens


@contextmanager
def _counter(model: AIModel) -> Iterator[ChatModel]:
    """Yield the engine of `model`, to count tokens and to write the prompt as the product does."""
    chat = fresh_chat_model(replace(spec_of(model), slots=1))
    try:
        yield chat
    finally:
        close = getattr(chat, "close", None)
        if close is not None:
            close()


class _Raw:
    """A chat model whose tokens come from plain llama-cpp-python; remembers how fast."""

    def __init__(self, llama: Any, counter: ChatModel) -> None:
        self._llama, self._counter = llama, counter
        self.name, self.context_tokens, self.is_instruct = counter.name, counter.context_tokens, counter.is_instruct
        self.rate = 0.0

    def count_tokens(self, text: str) -> int:
        return self._counter.count_tokens(text)

    def render(self, turns: Any) -> str:
        return self._counter.render(turns)

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[Piece]:
        times: list[float] = []
        for text in raw_stream(self._llama, prompt, sampling):
            times.append(time.perf_counter())
            yield Piece(text, 1)
        if len(times) > 1:
            self.rate = (len(times) - 1) / (times[-1] - times[0])


def _raw_rate(scope: Scope, model: AIModel, question: str, llama: Any, counter: ChatModel) -> float:
    """Return the tokens a second of plain llama-cpp-python on the prompt that the product makes of the question."""
    raw = _Raw(llama, counter)
    tools = replace(build_tools(scope=scope, model=model, mode="generate"), chat=lambda: raw)
    for _step in answer(question, [], tools):
        pass
    return raw.rate
