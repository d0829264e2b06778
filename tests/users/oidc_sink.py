"""A local server that remembers what was asked of it, and answers nothing useful."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self


class Sink:
    """Listens on loopback while the context lasts; `seen` are the paths that were asked."""

    def __enter__(self) -> Self:
        seen = self.seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return None

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    seen: list[str]

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/picture.png"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
