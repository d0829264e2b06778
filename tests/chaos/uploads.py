"""Somebody who uploads all the time by the upload address of the web process, and remembers what was promised."""

import json
import random
import threading
import time
import uuid
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

TIMEOUT_S = 30.0
WORDS = ("water", "boils", "steam", "pipes", "报告", "温度", "压力", "管道", "heat", "moves", "through", "letters")


class Browser:
    """A signed-in person."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._jar = CookieJar()
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(self._jar))
        self._opener.open(f"{url}/accounts/login/", timeout=TIMEOUT_S).read()
        form = {"login": "admin@localhost", "password": password, "csrfmiddlewaretoken": self._token()}
        self._post("/accounts/login/", urlencode(form).encode(), "application/x-www-form-urlencoded")

    def _token(self) -> str:
        return next((cookie.value or "" for cookie in self._jar if cookie.name == "kb_csrf"), "")

    def _post(self, path: str, body: bytes, kind: str) -> bytes:
        headers = {"Content-Type": kind, "X-CSRFToken": self._token(), "Referer": self._url}
        with self._opener.open(Request(self._url + path, body, headers), timeout=TIMEOUT_S) as response:
            return bytes(response.read())

    def upload(self, library: str, name: str, data: bytes) -> dict[str, Any]:
        """Upload a file; returns the answer. Raises OSError or HTTPException when there is none."""
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{mark}--\r\n".encode()
        answer = self._post(f"/libraries/{library}/upload/", body, f"multipart/form-data; boundary={mark}")
        found: dict[str, Any] = json.loads(answer)
        return found


class Uploader:
    """Uploads one document after the other until told to stop; each is sent again until it is accepted."""

    def __init__(self, browser: Browser, library: str, seed: int, pause_s: float) -> None:
        self.accepted: dict[str, str] = {}  # document id by name
        self.refused: dict[str, int] = {}  # how often, by reason
        self._browser, self._library, self._pause_s = browser, library, pause_s
        self._random = random.Random(seed)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the upload under way."""
        self._stopped.set()
        self._thread.join(TIMEOUT_S * 4)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.one()
            self._stopped.wait(self._pause_s)

    def one(self) -> None:
        """Upload a new document, again and again until it is accepted or the run ends."""
        name, data = self.document()
        while not self._stopped.is_set():
            if self.attempt(name, data):
                return
            time.sleep(0.3)

    def attempt(self, name: str, data: bytes) -> bool:
        """Try once; returns whether the document was promised."""
        try:
            answer = self._browser.upload(self._library, name, data)
        except HTTPError as error:
            self._refuse(f"HTTP {error.code}")
        except (URLError, OSError, HTTPException, ValueError) as error:
            self._refuse(type(error).__name__)
        else:
            self.accepted[name] = str(answer["id"])
            return True
        return False

    def document(self) -> tuple[str, bytes]:
        """Return a name and a text that nobody uploaded before."""
        number = self._random.getrandbits(48)
        paragraphs = self._random.randint(3, 60)
        lines = (" ".join(self._random.choices(WORDS, k=40)) for _ in range(paragraphs))
        text = f"# Document {number}\n\n" + "\n\n".join(f"{line} {number} {n}." for n, line in enumerate(lines))
        return f"{number:012x}.md", text.encode()

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1
