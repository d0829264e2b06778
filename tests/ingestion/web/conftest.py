"""A small web site on this machine, which the tests declare to be reachable."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from apps.ingestion import services
from apps.ingestion.models import WebSource
from apps.ingestion.web import services as web
from apps.ingestion.web import tasks
from apps.libraries.models import Library
from apps.users.models import User
from tests.settings_override import env


@dataclass
class Answer:
    """What the site answers to one path."""

    body: bytes | str = b""
    status: int = 200
    media_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """A web site: answers by path, and what it was asked."""

    base: str
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, body: bytes | str = b"", **more: Any) -> None:
        """Answer a path from now on."""
        self.answers[path] = Answer(body, **more)

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [path for path, _ in self.asked]


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a site on the loopback interface that the operator declared reachable; requests need not wait."""
    found = Site("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            answer = found.answers.get(self.path, Answer(status=404))
            etag = answer.headers.get("ETag")
            is_same = etag is not None and self.headers.get("If-None-Match") == etag
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            self.send_response(304 if is_same else answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", "0" if is_same else str(len(body)))
            self.end_headers()
            if not is_same:
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.base = f"http://127.0.0.1:{server.server_port}"
    try:
        with env(internal_hosts=f"127.0.0.1:{server.server_port}", web_delay_s=0):
            yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def html(title: str, text: str, *links: str) -> str:
    """Return a page."""
    anchors = "".join(f'<a href="{link}">{link}</a> ' for link in links)
    head = f"<!doctype html><html><head><title>{title}</title></head>"
    return f"{head}<body><h1>{title}</h1><p>{text}</p>{anchors}</body></html>"


Add = Callable[..., WebSource]


@pytest.fixture
def add(alice: User, library: Library, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Return a function that adds a source and visits all of it in this process."""
    monkeypatch.setattr(web, "ring", lambda *_: None)
    monkeypatch.setattr(tasks, "ring", lambda *_: None)
    monkeypatch.setattr(services, "ring", lambda *_: None)

    def make(urls: str, kind: str = "pages", **more: Any) -> WebSource:
        source = web.add_source(user=alice, library=library, plan=web.Plan(kind=kind, urls=urls, **more))
        return work_off(source)

    return make


def work_off(source: WebSource) -> WebSource:
    """Visit until nothing waits."""
    tasks.visit_source(str(source.pk))
    source.refresh_from_db()
    return source
