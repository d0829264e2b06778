"""`make run` refuses with one sentence, restarts what dies, leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from kb_project import bootstrap, supervisor
from kb_project.env import BASE_DIR
from kb_project.supervisor import Supervisor


def start(var: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kb_project.supervisor"],
        cwd=BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "kb_project.settings", "KB_VAR_DIR": str(var)} | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_refuses_a_busy_port_in_one_sentence(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        done = start(tmp_path, KB_PORT=port)

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"port {port}" in done.stderr
    assert not (tmp_path / "pg").exists()


def test_it_refuses_a_short_secret_key_in_one_sentence(tmp_path: Path) -> None:
    done = start(tmp_path, KB_SECRET_KEY="short", KB_PORT="18999")

    assert done.returncode == 1
    assert "KB_SECRET_KEY" in done.stderr.strip().splitlines()[-1]


def test_it_names_a_setting_with_a_wrong_value(tmp_path: Path) -> None:
    done = start(tmp_path, KB_PORT="many")

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "KB_PORT" in done.stderr


def test_it_refuses_a_full_disk_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "NEEDED_GIB", 10**9)

    with pytest.raises(SystemExit) as ended:
        bootstrap.check_machine()

    assert ended.value.code == 1
    assert "GiB are free" in capsys.readouterr().err


def test_it_names_a_missing_compiler(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("CXX", raising=False)

    with pytest.raises(SystemExit) as ended:
        bootstrap.check_machine()

    assert ended.value.code == 1
    assert "compiler" in capsys.readouterr().err


def test_it_restarts_a_child_that_died_and_stops_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.1,))
    monkeypatch.setattr(Supervisor, "_wait_until_ready", lambda _self: True)
    sleeper = [sys.executable, "-c", "import time; time.sleep(300)"]
    running = Supervisor({"one": sleeper, "two": sleeper})
    first: list[int] = []

    def kill_one() -> None:
        assert running.children[0].process is not None
        first.append(running.children[0].process.pid)
        os.kill(first[0], signal.SIGKILL)
        threading.Thread(target=stop_after_restart).start()

    def stop_after_restart() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and running.children[0].process.pid == first[0]:  # type: ignore[union-attr]
            time.sleep(0.05)
        running.request_stop(signal.SIGINT, None)

    assert running.run(kill_one) == 0

    pids = [child.process.pid for child in running.children if child.process is not None]
    assert pids[0] != first[0]
    assert all(child.process is not None and child.process.poll() is not None for child in running.children)
