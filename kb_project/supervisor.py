"""`make run`: sets up, starts the web process, both workers and beat, restarts what dies, stops all on Ctrl-C."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from types import FrameType
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from kb_project.bootstrap import fail, say
from kb_project.embedded import hold_services, release_services
from kb_project.env import BASE_DIR, env

GRACE_S = 12.0  # how long a child may finish what it does after the first signal
READY_S = 120.0
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # waits before the first, second … restart in a row
STABLE_S = 30.0  # a child that lived longer starts counting anew
COLOURS = (36, 33, 35, 32)
# glibc gives threads heaps of their own, up to eight a core, and each keeps what it once took: 30 MB and more of the
# models process (docs/operations.md).
CALM_HEAPS = {"MALLOC_ARENA_MAX": "2"}


@dataclass
class Child:
    """One process of the product."""

    name: str
    command: list[str]
    colour: int
    process: subprocess.Popen[str] | None = None
    started_at: float = 0.0
    failures: int = 0
    restart_at: float = 0.0
    log: threading.Thread | None = None

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches it only through the supervisor."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            start_new_session=True,
            env=CALM_HEAPS | os.environ | {"KB_PROCESS": self.name, "PYTHONUNBUFFERED": "1"},
        )
        self.log = threading.Thread(target=self._copy_log, args=(self.process,), daemon=True)
        self.log.start()

    def _copy_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        prefix = f"{self.name:<9}| "
        if sys.stdout.isatty():
            prefix = f"\x1b[{self.colour}m{prefix}\x1b[0m"
        with process.stdout as lines:
            for line in lines:
                sys.stdout.write(f"{prefix}{line.rstrip()}\n")
                sys.stdout.flush()

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and all that it started."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return


def _python() -> list[str]:
    """Return how a child is started: with util-linux at hand, it gets SIGTERM when the supervisor itself is killed."""
    tie = [setpriv, "--pdeathsig", "TERM"] if (setpriv := shutil.which("setpriv")) else []
    return [*tie, sys.executable]


def commands() -> dict[str, list[str]]:
    """Return the command of each process."""
    python = _python()
    celery = [*python, "-m", "celery", "--quiet", "-A"]
    worker = [*celery, "kb_project.celery", "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    web = [*python, "-m", "uvicorn", "kb_project.asgi:application", "--host", env().bind, "--port", str(env().port)]
    # A thread for each answer, one for the bulk embedding, two to spare: these also keep the pollers going while
    # every io process is at a long file.
    models = env().answer_slots + 3
    return {
        # Proxy headers stay unread: a local client could spoof its address and evade the sign-in limits;
        # allauth reads X-Forwarded-For itself when KB_TRUSTED_PROXIES says how many stand in front.
        "web": [
            *web, "--log-level", "warning", "--no-server-header", "--no-proxy-headers",
            "--timeout-graceful-shutdown", "5", "--ws-max-size", "65536", "--ws-ping-interval", "20",
        ],
        "io": [
            *worker, "-n", "io@%h", "-Q", "preview,maintenance,ingest",
            "-c", str(env().read_slots), "--max-tasks-per-child", "200",
        ],
        "models": [
            *worker, "-n", "models@%h", "-Q", "answer,image,embed,maintenance", "-P", "threads", "-c", str(models),
        ],
        "beat": [
            *celery, "kb_project.beat", "beat", "--loglevel", "WARNING", "-s", str(env().var_dir / "run" / "beat"),
        ],
    }  # fmt: skip


class Supervisor:
    """Keeps the children running until it is told to stop."""

    def __init__(self, plan: dict[str, list[str]]) -> None:
        self.children = [
            Child(name, command, COLOURS[index % len(COLOURS)]) for index, (name, command) in enumerate(plan.items())
        ]
        self.is_stopping = False

    def request_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal; a second one does not wait for anybody."""
        if self.is_stopping:
            for child in self.children:
                child.signal_group(signal.SIGKILL)
        self.is_stopping = True

    def run(self, when_ready: Callable[[], None]) -> int:
        """Start all, call `when_ready` once the web process answers, watch until stopped. Returns the exit code."""
        for child in self.children:
            child.start()
        try:
            if self._wait_until_ready():
                when_ready()
            while not self.is_stopping:
                self._revive()
                time.sleep(0.2)
        finally:
            self.stop()
        return 0

    def _wait_until_ready(self) -> bool:
        host = "127.0.0.1" if env().bind in {"0.0.0.0", "::"} else env().bind  # noqa: S104
        url = f"http://{host}:{env().port}/readyz"
        deadline = time.monotonic() + READY_S
        while not self.is_stopping:
            try:
                with urlopen(url, timeout=2):
                    return True
            except (URLError, OSError):
                time.sleep(0.1)
            self._revive()
            if time.monotonic() > deadline:
                say(f"the web process did not answer within {READY_S:.0f} s; its last lines are above")
                return False
        return False

    def _revive(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is None or child.process.poll() is None:
                continue
            if not child.restart_at:
                child.failures = 1 if now - child.started_at > STABLE_S else child.failures + 1
                wait_s = BACKOFF_S[0 if env().testing else min(child.failures, len(BACKOFF_S)) - 1]
                child.restart_at = now + wait_s
                child.signal_group(signal.SIGKILL)  # what it started must not outlive it
                say(f"{child.name} ended with code {child.process.returncode}; it starts again in {wait_s:g} s")
            elif now >= child.restart_at:
                child.restart_at = 0.0
                child.start()

    def stop(self) -> None:
        """Ask all to end, wait, kill what is left."""
        say("stopping")
        for child in self.children:
            child.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        for child in self.children:
            if child.process is not None:
                try:
                    child.process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    say(f"{child.name} did not end within {GRACE_S:.0f} s and is killed; its work is taken up later")
                child.signal_group(signal.SIGKILL)
        for child in self.children:
            if child.process is not None and child.log is not None:
                child.process.wait()
                child.log.join(1.0)


def refuse_busy_port() -> None:
    """Fail with one sentence when somebody already listens there."""
    family = socket.AF_INET6 if ":" in env().bind else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((env().bind, env().port))
        except OSError as error:
            fail(
                f"port {env().port} on {env().bind} cannot be used ({error.strerror}); "
                "choose another one: KB_PORT=8001 make run."
            )


def only_one() -> IO[str]:
    """Hold the installation's lock; two supervisors over one var/ would fight for the same files."""
    path = env().var_dir / "run"
    path.mkdir(parents=True, exist_ok=True)
    lock = (path / "supervisor.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        fail(f"Zhiku already runs over {env().var_dir}; stop it first, or set KB_VAR_DIR and KB_PORT for a second one.")
    return lock


def run_once(module: str) -> None:
    """Run a module that loads the whole product in a process that ends: this one lives long and should stay small."""
    done = subprocess.run([*_python(), "-m", module], cwd=BASE_DIR, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(1)  # it has said why


def main() -> int:
    """Set up and run."""
    lock = only_one()
    try:
        refuse_busy_port()
        hold_services()
        run_once("kb_project.setup")
        supervisor = Supervisor(commands())
        signal.signal(signal.SIGINT, supervisor.request_stop)
        signal.signal(signal.SIGTERM, supervisor.request_stop)
        signal.signal(signal.SIGHUP, supervisor.request_stop)
        return supervisor.run(lambda: run_once("kb_project.first_run"))
    except KeyboardInterrupt:
        fail("stopped.")
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename or env().var_dir}")
    finally:
        release_services()
        lock.close()


if __name__ == "__main__":
    sys.exit(main())
