"""A real installation of its own: supervisor, web, workers, beat, embedded PostgreSQL and Valkey, files on a tmpfs."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

BASE_DIR = Path(__file__).resolve().parents[2]
TMPFS_MIB = 64
READY_S = 180.0
STOP_S = 40.0
_PASSWORD = re.compile(r"with password\s+(\S+)")


class Installation:
    """Runs in a directory of its own and leaves nothing behind."""

    def __init__(self, var: Path, *, models: Path | None) -> None:
        """`models` is a directory of real models; without it the models are fakes."""
        self.var = var
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = var / "supervisor.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.has_tmpfs = False
        self._models = models

    def environment(self) -> dict[str, str]:
        """Return the settings of the installation: short leases, crash points, and fakes where it has no models."""
        own = {
            "KB_VAR_DIR": str(self.var),
            "KB_PORT": str(self.port),
            "KB_TESTING": "1",
            "KB_CRASH_AT": "*",
            "KB_LEASE_S": "6",
            "KB_INGEST_ATTEMPTS": "20",  # what chaos does is never the document's fault
            "DJANGO_SETTINGS_MODULE": "kb_project.settings",
        }
        if self._models is None:
            own |= {
                "KB_EMBED_RUNTIME": "apps.runtimes.fake.load_embedder",
                "KB_CHAT_RUNTIME": "apps.runtimes.fake.load_chat",
            }
        return own

    def start(self) -> str:
        """Start everything and wait until it answers; returns the first admin's password."""
        for name in ("media", "tmp"):
            (self.var / name).mkdir(parents=True, exist_ok=True)
        (self.var / "models").symlink_to(BASE_DIR / "var" / "models")
        self.has_tmpfs = _mount(self.var / "media")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kb_project.supervisor"],
                cwd=BASE_DIR,
                env=os.environ | self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._wait()

    def _wait(self) -> str:
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            found = _PASSWORD.search(self.log.read_text(errors="replace"))
            if found and self.answers():
                return found[1]
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.5)
        message = f"The installation did not start; its log ends:\n{self.log.read_text(errors='replace')[-2_000:]}"
        raise SystemExit(message)

    def answers(self) -> bool:
        """Return whether the web process is ready."""
        try:
            with urlopen(f"{self.url}/readyz", timeout=5) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    def processes(self, name: str) -> list[int]:
        """Return the ids of a child of the supervisor (web, io, models, beat), the leader first, then its own."""
        if self.process is None:
            return []
        for child in children(self.process.pid):
            if f"KB_PROCESS={name}" in environ(child):
                return [child, *descendants(child)]
        return []

    def servers(self) -> dict[str, int]:
        """Return the ids of the embedded servers: postgres, valkey."""
        from kb_project.addresses import socket_dir
        from kb_project.env import env

        found: dict[str, int] = {}
        for pid in pids():
            line = cmdline(pid)
            if str(self.var / "pg") in line and "-D" in line:
                found["postgres"] = pid
            elif "valkey-server" in line and str(socket_dir(env())) in line:
                found["valkey"] = pid
        return found

    def stop(self) -> None:
        """End everything and remove the directory."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.has_tmpfs:
            subprocess.run(["umount", "-l", str(self.var / "media")], check=False)
        shutil.rmtree(self.var, ignore_errors=True)


def pids() -> list[int]:
    """Return the ids of all processes."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def cmdline(pid: int) -> str:
    """Return the command line of a process, empty once it is gone."""
    return _proc(pid, "cmdline").replace("\0", " ")


def environ(pid: int) -> str:
    """Return the environment that a process was started with."""
    return _proc(pid, "environ").replace("\0", "\n")


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    return [child for child in pids() if _parent(child) == pid]


def descendants(pid: int) -> list[int]:
    """Return all processes below a process."""
    found: list[int] = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def _parent(pid: int) -> int:
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _proc(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def _mount(path: Path) -> bool:
    """Put a small tmpfs at the path; returns False where this may not be done."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MIB}m", "tmpfs", str(path)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
