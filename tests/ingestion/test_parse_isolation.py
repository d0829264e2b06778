"""The child that reads: limits, cancelling, crashes, and nothing left behind."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from apps.ingestion import parse_errors
from apps.ingestion.parsers import host, wire
from apps.ingestion.parsers.types import Failure, ParseLimits, Task
from tests.ingestion import papers

QUICK = ParseLimits(wall_s=60, cpu_s=30, memory_mib=1_000)


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the host a temporary folder of its own, which must be empty again at the end."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("Pelicans eat fish.\n\nThey fly well.")
    return path


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Return a page nested so deeply that the HTML parser needs minutes for it."""
    path = tmp_path / "deep.html"
    path.write_text("<html><body>" + "<div>" * 400_000)
    return path


def children() -> list[psutil.Process]:
    return psutil.Process(host._HOST.zygote_pid).children()


def test_it_reads_in_a_process_that_is_gone_afterwards(note: Path) -> None:
    parsed = host.parse(note, name="note.txt", limits=QUICK)

    assert [block.text for block in parsed.blocks] == ["Pelicans eat fish.", "They fly well."]
    assert children() == []


def test_it_passes_no_secret_to_the_parser(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_SECRET_KEY", "canary")
    host._HOST.close()

    host.parse(note, name="note.txt", limits=QUICK)

    environment = psutil.Process(host._HOST.zygote_pid).environ()
    assert set(environment) <= set(host._PASSED_ON)


def test_it_keeps_django_out_of_the_child() -> None:
    code = (
        "import sys; from apps.ingestion.parsers import PRELOADED, parser_of, child, zygote;"
        "[parser_of(kind) for kind in PRELOADED]; sys.exit('django' in sys.modules or 'numpy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, check=False).returncode == 0


def test_row_69_it_stops_a_parser_at_the_cpu_limit(endless: Path) -> None:
    with pytest.raises(parse_errors.ParseTimeout) as stopped:
        host.parse(endless, name="deep.html", limits=ParseLimits(wall_s=120, cpu_s=1))

    assert stopped.value.params == {"seconds": 1}
    assert children() == []


def test_row_69_it_stops_a_parser_at_the_wall_clock_limit(endless: Path) -> None:
    with pytest.raises(parse_errors.ParseTimeout):
        host.parse(endless, name="deep.html", limits=ParseLimits(wall_s=1, cpu_s=100))

    assert children() == []


def test_it_stops_a_parser_that_takes_too_much_memory(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_bytes(b"word\n\n" * 3_000_000)

    with pytest.raises(parse_errors.ParseMemory) as stopped:
        host.parse(path, name="many.txt", limits=ParseLimits(memory_mib=256, max_chars=100_000_000))

    assert stopped.value.params == {"mib": 256}


def test_it_kills_the_child_when_somebody_cancels(endless: Path) -> None:
    with pytest.raises(parse_errors.ParseCancelled):
        host.parse(endless, name="deep.html", limits=QUICK, should_stop=lambda: True)

    assert children() == []


def test_it_kills_the_child_when_the_caller_breaks_off(endless: Path) -> None:
    def stop() -> bool:
        raise KeyError

    with pytest.raises(KeyError):
        host.parse(endless, name="deep.html", limits=QUICK, should_stop=stop)

    _gone, alive = psutil.wait_procs(children(), timeout=30)
    assert not alive


def test_it_tells_how_many_pages_are_done(tmp_path: Path) -> None:
    def draw(canvas: papers.Canvas) -> None:
        for number in range(5):
            papers.write(canvas, [f"Page {number}"], 72, 72)
            canvas.showPage()

    seen: list[tuple[int, int]] = []
    host.parse(
        papers.pdf(tmp_path / "five.pdf", draw), name="five.pdf", limits=QUICK, on_progress=lambda *at: seen.append(at)
    )

    assert seen[-1] == (5, 5)
    assert sorted(seen) == seen


def test_it_replaces_a_zygote_that_was_killed(note: Path) -> None:
    host.parse(note, name="note.txt", limits=QUICK)
    before = host._HOST.zygote_pid
    psutil.Process(before).kill()

    parsed = host.parse(note, name="note.txt", limits=QUICK)

    assert len(parsed.blocks) == 2
    assert host._HOST.zygote_pid != before


def test_it_takes_the_children_down_with_the_zygote(endless: Path, note: Path) -> None:
    host.parse(note, name="note.txt", limits=QUICK)
    zygote = psutil.Process(host._HOST.zygote_pid)
    running: list[psutil.Process] = []
    stopping = threading.Event()

    def watch() -> bool:
        if zygote.is_running() and zygote.status() != psutil.STATUS_ZOMBIE and not running:
            running.extend(zygote.children())
            zygote.kill()
        return stopping.is_set() or (bool(running) and host._HOST.zygote_pid != zygote.pid)

    with pytest.raises(parse_errors.ParseCancelled):
        host.parse(endless, name="deep.html", limits=QUICK, should_stop=watch)

    assert running
    _gone, alive = psutil.wait_procs(running, timeout=30)
    assert not alive


def test_it_serves_many_threads(tmp_path: Path) -> None:
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"{number}.txt")
        paths[-1].write_text(f"Text number {number}.")

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda path: host.parse(path, name=path.name, limits=QUICK).blocks[0].text, paths))

    assert found == [f"Text number {number}." for number in range(12)]


def _read_in_fork(path: Path, pipe: object) -> None:
    parsed = host.parse(path, name="note.txt", limits=QUICK)
    pipe.send((host._HOST.zygote_pid, [block.text for block in parsed.blocks]))  # type: ignore[attr-defined]  # a Connection
    host._HOST.close()
    os._exit(0)


def test_it_works_in_a_daemonic_fork_such_as_a_celery_worker(note: Path) -> None:
    host.parse(note, name="note.txt", limits=QUICK)
    ours, theirs = multiprocessing.Pipe()

    worker = multiprocessing.get_context("fork").Process(target=_read_in_fork, args=(note, theirs), daemon=True)
    worker.start()
    pid, texts = ours.recv()
    worker.join(30)

    assert texts == ["Pelicans eat fish.", "They fly well."]
    assert pid != host._HOST.zygote_pid
    assert host.parse(note, name="note.txt", limits=QUICK).pages == 0


def test_it_says_that_the_parser_is_not_there(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host._HOST.close()
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(parse_errors.ParserUnavailable) as failed:
        host.parse(note, name="note.txt", limits=QUICK)

    assert failed.value.is_retryable


@pytest.mark.parametrize(
    ("status", "cpu_s", "peak_mib", "code"),
    [
        pytest.param(24, 5.0, 50.0, "parse-timeout", id="SIGXCPU"),
        pytest.param(9, 30.5, 50.0, "parse-timeout", id="killed at the hard CPU limit"),
        pytest.param(9, 1.0, 50.0, "parse-memory", id="the kernel's out-of-memory killer"),
        pytest.param(6, 1.0, 900.0, "parse-memory", id="abort near the memory limit"),
        pytest.param(11, 1.0, 50.0, "broken", id="segmentation fault"),
        pytest.param(0, 1.0, 50.0, "broken", id="no result"),
    ],
)
def test_it_tells_from_a_childs_end_what_was_wrong(status: int, cpu_s: float, peak_mib: float, code: str) -> None:
    with tempfile.TemporaryFile() as nothing:
        found = host._result(nothing, wire.Ending(status, cpu_s, peak_mib), QUICK)

    assert isinstance(found, Failure)
    assert found.code == code


def test_it_refuses_text_beyond_the_limit(note: Path) -> None:
    with pytest.raises(parse_errors.TooMuchText):
        host.parse(note, name="note.txt", limits=ParseLimits(max_chars=10))


def test_it_reads_files_only_by_the_path_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(parse_errors.Broken):
        host.read(Task(str(tmp_path / "nothing.txt"), "nothing.txt", None, QUICK))
