"""A small OpenAI-compatible service on the loopback, to see what is sent to it and to break off at will."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """What the service was asked, and how it behaves."""

    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    status: int = 200
    words: int = 5
    pause_s: float = 0.0
    breaks_off: bool = False
    ended: threading.Event = field(default_factory=threading.Event)
    sent: int = 0


class Handler(BaseHTTPRequestHandler):
    """Answers as `seen` says."""

    seen: Seen
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        return

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.requests.append((self.path, dict(self.headers.items()), body))
        if self.seen.status != 200:
            self._answer({"error": {"message": "SECRET-OF-THE-SERVICE"}}, self.seen.status)
        elif self.path.endswith("/embeddings"):
            rows = [
                {"index": index, "embedding": [float(len(text)), 1.0, float("pump" in text)]}
                for index, text in enumerate(body["input"])
            ]
            self._answer({"data": rows[::-1]}, 200)
        else:
            self._stream()

    def _answer(self, content: dict[str, Any], status: int) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for number in range(self.seen.words):
                self._event({"choices": [{"delta": {"content": f"w{number} "}, "finish_reason": None}]})
                self.seen.sent += 1
                self.seen.ended.wait(self.seen.pause_s)
            if not self.seen.breaks_off:
                self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
                usage = {"prompt_tokens": 40, "completion_tokens": self.seen.words + 2}
                self._event({"choices": [], "usage": usage})
                self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            self.seen.ended.set()
        self.close_connection = True

    def _event(self, content: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(content).encode() + b"\n\n")
        self.wfile.flush()


@contextmanager
def serving(seen: Seen) -> Iterator[str]:
    """Run the service; gives host:port."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        seen.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
