"""A whole installation of its own, started as `make run` starts it and asked over HTTP as a script would ask it."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import psutil
import psycopg
from django.conf import settings

from apps.runtimes.contracts import RuntimeFailure

START_S = 300.0
STOP_S = 60.0
LOGIN = "/accounts/login/"
MIB = 1024 * 1024
OK, SEEN = 200, 302


@dataclass
class Installation:
    """A running product with one signed-in administrator and an empty wish list."""

    port: int
    supervisor: psutil.Process
    keeper: psutil.Process | None  # of PostgreSQL and Valkey; it leads a session of its own
    sockets: Path
    cookies: dict[str, str] = field(default_factory=dict)
    library: str = ""

    def sign_in(self, email: str, password: str) -> None:
        """Sign in by the form, as a browser does. Raises RuntimeFailure when that is refused."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as http:
            self._keep(self._ask(http, "GET", LOGIN))
            form = urlencode({"login": email, "password": password})
            answer = self._ask(http, "POST", LOGIN, form.encode(), "application/x-www-form-urlencoded")
            if answer.status != SEEN:
                raise RuntimeFailure(f"The benchmark could not sign in: {answer.status}.")
            self._keep(answer)

    def upload(self, http: HTTPConnection, name: str, body: bytes) -> UUID:
        """Upload one file by the same address as the page; return the document's id."""
        mark = secrets.token_hex(16)
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        content = head.encode() + body + f"\r\n--{mark}--\r\n".encode()
        path = f"/libraries/{self.library}/upload/"
        answer = self._ask(http, "POST", path, content, f"multipart/form-data; boundary={mark}")
        if answer.status not in (OK, 201):
            raise RuntimeFailure(f"{name} was not taken: {answer.status}.")
        return UUID(str(_json(self._body)["id"]))

    def query(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Ask the installation's database."""
        with psycopg.connect(f"host={self.sockets} port=5432 user=postgres dbname=zhiku", autocommit=True) as link:
            return list(link.execute(statement, values).fetchall())

    def wait_until_settled(self, count: int, timeout_s: float) -> None:
        """Return when `count` documents of the library are ready. Raises RuntimeFailure when one fails or time ends."""
        deadline = time.monotonic() + timeout_s
        statement = "SELECT status, count(*) FROM libraries_document WHERE library_id = %s GROUP BY status"
        states: dict[str, int] = {}
        with psycopg.connect(f"host={self.sockets} port=5432 user=postgres dbname=zhiku", autocommit=True) as link:
            while time.monotonic() < deadline:
                states = {str(status): int(number) for status, number in link.execute(statement, [self.library])}
                if states.get("failed"):
                    raise RuntimeFailure(f"{states['failed']} documents failed.")
                if states.get("ready", 0) >= count:
                    return
                time.sleep(0.02)
        raise RuntimeFailure(f"{count} documents were not ready within {timeout_s:.0f} s: {states}.")

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the living processes by their part: web, io, models, beat, postgres, valkey, the rest."""
        found: dict[str, list[psutil.Process]] = {}
        if self.keeper is not None:
            for process in [self.keeper, *self.keeper.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):  # a connection of PostgreSQL that ended just now
                    found.setdefault(_service(process), []).append(process)
        counted = {process.pid for processes in found.values() for process in processes}
        found["supervisor"] = [self.supervisor]
        for child in self.supervisor.children(recursive=True):
            if child.pid in counted:  # the keeper's are the supervisor's as well
                continue
            with suppress(psutil.NoSuchProcess):
                found.setdefault(child.environ().get("KB_PROCESS", "other"), []).append(child)
        return found

    def memory_mib(self, kind: str = "pss") -> dict[str, float]:
        """Return the proportional ("pss") or own ("uss") memory of each part in MiB."""
        sums: dict[str, float] = {}
        for part, processes in self.processes().items():
            for process in processes:
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    sums[part] = sums.get(part, 0.0) + getattr(process.memory_full_info(), kind) / MIB
        return sums

    def cpu_s(self) -> dict[str, float]:
        """Return the processor time that each part has used so far, that of its ended children included."""
        sums: dict[str, float] = {}
        for part, processes in self.processes().items():
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    own = times.user + times.system + times.children_user + times.children_system
                    sums[part] = sums.get(part, 0.0) + own
        return sums

    def _ask(
        self, http: HTTPConnection, method: str, path: str, body: bytes = b"", kind: str = "text/plain"
    ) -> HTTPResponse:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body:
            token = self.cookies.get("kb_csrf", "")
            headers |= {"X-CSRFToken": token, "Content-Type": kind, "Origin": f"http://127.0.0.1:{self.port}"}
        http.request(method, path, body or None, headers)
        answer = http.getresponse()
        _bodies.last = answer.read()
        return answer

    @property
    def _body(self) -> bytes:
        """The body of this thread's last answer."""
        return bytes(_bodies.last)

    def _keep(self, answer: HTTPResponse) -> None:
        for header in answer.headers.get_all("Set-Cookie") or []:
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}


class _Bodies(threading.local):
    last = b""


_bodies = _Bodies()


def _json(body: bytes) -> dict[str, object]:
    return dict(json.loads(body))


def _service(process: psutil.Process) -> str:
    name = process.name()
    return "valkey" if "valkey" in name or "redis" in name else "postgres" if name.startswith("postgres") else "keeper"


def _database(var: Path) -> psutil.Process:
    """Return the PostgreSQL server whose data lie below `var`. Raises RuntimeFailure where none runs."""
    for process in psutil.process_iter(["cmdline"]):
        if str(var / "pg") in (process.info["cmdline"] or []):
            return process
    raise RuntimeFailure("The benchmark's installation has no database of its own.")


def _sockets(database: psutil.Process) -> Path:
    command = database.cmdline()
    return Path(command[command.index("-k") + 1])


@contextmanager
def installation() -> Iterator[Installation]:
    """Start the product in a folder of its own, with this installation's model files; remove all of it afterwards."""
    var = Path(tempfile.mkdtemp(prefix="zhiku-bench-"))
    var.chmod(0o755)  # PostgreSQL runs as another account
    (var / "models").symlink_to(settings.MODELS_DIR)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    lines: list[str] = []
    process = _start(var, port)
    reader = threading.Thread(target=_copy, args=(process, lines), daemon=True)
    reader.start()
    try:
        yield _ready(process, var, port, lines)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join(5)
        shutil.rmtree(var, ignore_errors=True)


def _start(var: Path, port: int) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KB_", "DJANGO_"))}
    environment = kept | {"KB_VAR_DIR": str(var), "KB_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "kb_project.supervisor"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _copy(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout is not None
    with process.stdout as stream:
        lines.extend(stream)


def _ready(process: subprocess.Popen[str], var: Path, port: int, lines: list[str]) -> Installation:
    """Wait for the password of the first start, sign in, and let the sample be read: the models are loaded then."""
    deadline = time.monotonic() + START_S
    password = ""
    while not password:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeFailure(f"The benchmark's installation did not start: {''.join(lines[-5:])}")
        time.sleep(0.1)
        password = next((line.split()[-1] for line in lines if "with password" in line), "")
    database = _database(var)
    made = Installation(port, psutil.Process(process.pid), database.parent(), _sockets(database))
    ((made.library, samples),) = made.query(  # type: ignore[assignment]
        "SELECT l.id::text, count(d.id) FROM libraries_library l JOIN libraries_document d ON d.library_id = l.id "
        "GROUP BY l.id"
    )
    made.wait_until_settled(int(str(samples)), START_S)
    made.sign_in("admin@localhost", password)
    return made
