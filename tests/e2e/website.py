"""A tiny site of the neighbourhood: what web sources read in the browser tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROBOTS = "User-agent: *\nDisallow: /guide/private/\n"


def page(title: str, text: str, *links: str) -> str:
    """Return an HTML page."""
    anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1><p>{text}</p>{anchors}</main></body></html>"
    )


def pages() -> dict[str, str]:
    """Return the pages of a fresh site; one of them robots may not read."""
    return {
        "/guide/": page("花园指南", "The garden is open to everybody.", "/guide/roses.html", "/guide/private/x.html"),
        "/guide/roses.html": page("玫瑰", "Roses are cut back in the last week of February."),
        "/guide/private/x.html": page("内部", "Nobody reads this."),
    }


@dataclass
class Website:
    """A running site; change `pages` to publish."""

    url: str
    pages: dict[str, str] = field(default_factory=pages)

    @property
    def host(self) -> str:
        """Return host:port, as an operator declares it."""
        return self.url.removeprefix("http://")


@contextmanager
def published() -> Iterator[Website]:
    """Serve the site on a free port of this machine."""
    site = Website("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = ROBOTS if self.path == "/robots.txt" else site.pages.get(self.path)
            body = (text or "").encode()
            self.send_response(HTTPStatus.OK if text else HTTPStatus.NOT_FOUND)
            kind = "text/plain" if self.path == "/robots.txt" else "text/html"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name in the base class)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield site
        finally:
            server.shutdown()
