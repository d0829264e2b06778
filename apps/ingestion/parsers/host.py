"""Runs a parser in an isolated child: CPU, memory, file and wall-clock limits, no network, no way to outlive us.

A zygote process per host process keeps the libraries loaded and forks a child per document (a few milliseconds).
The result comes back through a file without a name, so nothing is left behind even when everybody is killed.
"""

import atexit
import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Self

from django.conf import settings

from apps.ingestion import parse_errors
from apps.ingestion.parsers import wire
from apps.ingestion.parsers.resuming import Progress
from apps.ingestion.parsers.types import Failure, Kind, ParseLimits, Report, Task
from apps.ingestion.temp import workspace
from apps.libraries.types import Blob, PageRead, ParsedDocument

logger = logging.getLogger(__name__)

POLL_S = 0.25
PIECE_BYTES = 256 * 1024
KILL_WAIT_S = 5.0
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")  # no secret of ours reaches a parser
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGBUS}
_MEMORY_PART = 0.5  # a crash above this part of the limit is taken as a failed allocation


@dataclass(frozen=True, slots=True)
class Reading:
    """A document that was read, and what that cost. Its blobs can be read until it is closed."""

    kind: Kind
    parsed: ParsedDocument
    seconds: float
    peak_mib: float
    result: IO[bytes]

    def pieces(self, blob: Blob, size: int = PIECE_BYTES) -> Iterator[bytes]:
        """Yield the bytes of a figure or an attachment. Raises ValueError once closed."""
        at, end = blob.offset, blob.offset + blob.size
        while at < end:
            piece = os.pread(self.result.fileno(), min(size, end - at), at)
            if not piece:
                return
            at += len(piece)
            yield piece

    def close(self) -> None:
        """Let go of the blobs."""
        self.result.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def limits_from_settings() -> ParseLimits:
    """Return the operator's limits."""
    env = settings.ENV
    return ParseLimits(
        wall_s=env.parse_wall_s,
        cpu_s=env.parse_cpu_s,
        memory_mib=env.parse_memory_mib,
        max_pages=env.document_max_pages,
        max_chars=env.document_max_chars,
        ocr_threads=(env.ocr_threads or max(1, (os.cpu_count() or 1) // 2)) if env.ocr else 0,
        ocr_shift_s=env.ocr_shift_s,
    )


def parse(
    path: str | Path,
    *,
    name: str,
    password: str | None = None,
    limits: ParseLimits | None = None,
    on_progress: Report | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ParsedDocument:
    """Return the document in the file at `path`, which people call `name`. Raises a ParseError.

    `on_progress(done, total)` and `should_stop()` are called in this thread, a few times a second; when the latter
    returns True, the child is killed and ParseCancelled raised.
    """
    watch = Watch(on_progress or _ignore, should_stop or _never)
    with read(Task(str(path), name, password, limits or limits_from_settings()), watch) as reading:
        return reading.parsed


@dataclass(frozen=True, slots=True)
class Watch:
    """How a caller follows a parse."""

    on_progress: Report
    should_stop: Callable[[], bool]
    on_page: Callable[[PageRead], None] = field(default=lambda _page: None)  # a page was recognised: keep it


def _ignore(_done: int, _total: int) -> None:
    """Take no notice of progress."""


def _never() -> bool:
    """Return False: nobody stops this."""
    return False


def read(task: Task, watch: Watch | None = None, *, is_whole: bool = True) -> Reading:
    """Return what `parse` does, with kind, cost and blobs; close it. Raises a ParseError.

    A scan is recognised in shifts, each by a child of its own; unless `is_whole`, Unfinished is raised after the first.
    """
    watch = watch or Watch(_ignore, _never)
    progress = Progress(task.known, watch.on_page)
    following = replace(watch, on_page=progress.take)
    while True:
        count = len(progress.known)
        try:
            return _read_once(replace(task, known=progress.known), following)
        except parse_errors.Unfinished:
            if not is_whole or len(progress.known) == count:  # or nothing came of a whole shift
                raise
        except (parse_errors.Broken, parse_errors.ParseTimeout, parse_errors.ParseMemory):
            if not progress.survives():
                raise


def _read_once(task: Task, watch: Watch) -> Reading:
    """Have one child read; a zygote that dies is replaced once."""
    try:
        return _HOST.read(task, watch)
    except parse_errors.ParserUnavailable:
        return _HOST.read(task, watch)


class Host:
    """The keeper of this process's zygote. Threads share it; a forked process starts its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._log: IO[bytes] | None = None

    @property
    def zygote_pid(self) -> int | None:
        """Return the process id of the zygote, if one was started."""
        return self._zygote.pid if self._zygote else None

    def read(self, task: Task, watch: Watch) -> Reading:
        """Return the reading of one document. Raises a ParseError."""
        started = time.monotonic()
        with contextlib.ExitStack() as undo:
            result = undo.enter_context(tempfile.TemporaryFile(prefix="zhiku-parse-"))
            with workspace() as temp:
                ending = self._run(replace(task, temp=str(temp)), watch, result)
            found = _result(result, ending, task.limits)
            seconds = time.monotonic() - started
            if isinstance(found, Failure):
                shown = {"code": found.code, "log": found.log, "seconds": round(seconds, 3)}
                logger.info("document refused", extra=shown)
                raise parse_errors.error_of(found.code, found.params)
            undo.pop_all()
            return Reading(found.kind, found.parsed, seconds, ending.peak_mib, result)

    def _run(self, task: Task, watch: Watch, result: IO[bytes]) -> wire.Ending:
        """Have a child write into `result`, and return how it ended."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                zygote = self._order(task, theirs.fileno(), result.fileno())
            try:
                return self._follow(ours, task.limits, watch)
            except parse_errors.ParserUnavailable:
                self._lost(zygote)
                raise

    def _order(self, task: Task, channel: int, result: int) -> subprocess.Popen[bytes]:
        """Hand a document to the zygote, starting one if there is none; return it."""
        order = wire.encode_task(task)
        if len(order) > wire.ORDER_BYTES:  # the child reads it from the file that it then writes
            os.pwrite(result, order, 0)
            order = wire.LONG_ORDER
        with self._lock:
            zygote, control = self._zygote, self._control
            if zygote is None or control is None or zygote.poll() is not None:
                self._bury()
                zygote, control = self._start()
        try:
            socket.send_fds(control, [order], [channel, result])
        except OSError as error:
            self._lost(zygote)
            raise parse_errors.ParserUnavailable from error
        return zygote

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """Start a zygote; it needs about half a second to be ready, but takes orders at once."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = tempfile.TemporaryFile(prefix="zhiku-zygote-")  # noqa: SIM115  lives as long as the zygote
        with theirs:
            zygote = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [sys.executable, "-m", "apps.ingestion.parsers.zygote", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=settings.BASE_DIR,
                env={key: os.environ[key] for key in _PASSED_ON if key in os.environ},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._zygote, self._control, self._log = zygote, ours, log
        return zygote, ours

    def _lost(self, zygote: subprocess.Popen[bytes]) -> None:
        """Give up a zygote that broke off, unless another thread did already."""
        with self._lock:
            if self._zygote is zygote:
                zygote.kill()
                self._bury()

    def _bury(self) -> None:
        """Wait for a zygote that has ended or was told to, and log what it said."""
        if self._control is not None:
            self._control.close()
        if self._zygote is not None:
            try:
                self._zygote.wait(KILL_WAIT_S)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
        if self._log is not None and self._zygote is not None:
            self._log.seek(0)
            said = self._log.read()[-4_000:].decode(errors="replace")
            self._log.close()
            if self._zygote.returncode != 0:
                logger.warning("parser process ended", extra={"status": self._zygote.returncode, "said": said})
        self._zygote = self._control = self._log = None

    def _follow(self, channel: socket.socket, limits: ParseLimits, watch: Watch) -> wire.Ending:
        """Pass progress on until the child has ended; kill it at the wall-clock limit or when asked to."""
        deadline = time.monotonic() + limits.wall_s
        with selectors.DefaultSelector() as selector:
            selector.register(channel, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    self._kill(channel)
                    raise parse_errors.ParseTimeout(seconds=round(limits.wall_s))
                if selector.select(min(POLL_S, left)):
                    message = _receive(channel)
                    if isinstance(message, wire.Ending):
                        return message
                    if isinstance(message, PageRead):
                        watch.on_page(message)
                    else:
                        watch.on_progress(*message)
                if watch.should_stop():
                    self._kill(channel)
                    raise parse_errors.ParseCancelled

    def _kill(self, channel: socket.socket) -> None:
        """Have the child killed and wait until it is gone; a zygote that does not answer goes with it."""
        deadline = time.monotonic() + KILL_WAIT_S
        with contextlib.suppress(OSError, parse_errors.ParserUnavailable):
            channel.send(wire.KILL)
            while (left := deadline - time.monotonic()) > 0:
                channel.settimeout(left)
                if isinstance(_receive(channel), wire.Ending):
                    return
        with self._lock:
            if self._zygote is not None:
                self._zygote.kill()

    def close(self) -> None:
        """End the zygote and its children."""
        with self._lock:
            self._bury()

    def forget(self) -> None:
        """Let go of the zygote of the process that we were forked from."""
        _INHERITED.append(self._zygote)  # kept, so that its destructor does not complain
        if self._control is not None:
            self._control.close()
        self._lock = threading.Lock()
        self._zygote = self._control = self._log = None


def _receive(channel: socket.socket) -> wire.Ending | PageRead | tuple[int, int]:
    """Return the next message. Raises ParserUnavailable when the zygote has died."""
    try:
        data = channel.recv(wire.MESSAGE_BYTES)
    except ConnectionResetError as error:
        raise parse_errors.ParserUnavailable from error
    if not data:
        raise parse_errors.ParserUnavailable
    return wire.decode_message(data)


def _result(file: IO[bytes], ending: wire.Ending, limits: ParseLimits) -> wire.Success | Failure:
    """Return what the child wrote, or why it could not."""
    if os.WIFSIGNALED(ending.status):
        return _crash(os.WTERMSIG(ending.status), ending, limits)
    try:
        return wire.decode_result(_tail(file))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return Failure("broken", log=f"no result: {error}; status {ending.status}")


def _tail(file: IO[bytes]) -> bytes:
    """Return the JSON at the end of a result file. Raises ValueError when there is none."""
    end = file.seek(0, os.SEEK_END) - wire.TAIL_BYTES
    if end < 0:
        raise ValueError("empty result")
    file.seek(end)
    size = int.from_bytes(file.read(wire.TAIL_BYTES))
    if not 0 < size <= end:
        raise ValueError("damaged result")
    file.seek(end - size)
    return file.read(size)


def _crash(number: int, ending: wire.Ending, limits: ParseLimits) -> Failure:
    """Return what a signal that ended the child means."""
    if number == signal.SIGXCPU or ending.cpu_s >= limits.cpu_s:
        return Failure("parse-timeout", {"seconds": round(ending.cpu_s)})
    out_of_memory = number == signal.SIGKILL  # not ours, so the kernel's out-of-memory killer
    if out_of_memory or (number in _CRASHES and ending.peak_mib > limits.memory_mib * _MEMORY_PART):
        return Failure("parse-memory", {"mib": limits.memory_mib})
    return Failure("broken", log=f"ended by signal {number}")


_INHERITED: list[subprocess.Popen[bytes] | None] = []
_HOST = Host()
atexit.register(_HOST.close)
os.register_at_fork(after_in_child=_HOST.forget)
