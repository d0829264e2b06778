"""Reads one document in a process of its own, which is a fork of the zygote and ends with it."""

import contextlib
import ctypes
import errno
import gc
import os
import resource
import signal
import socket
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from apps.ingestion.parsers import parser_of
from apps.ingestion.parsers.types import Failure, ParseLimits, Refused, Report, Task
from apps.ingestion.parsers.wire import (
    MESSAGE_BYTES,
    TAIL_BYTES,
    encode_failure,
    encode_page,
    encode_progress,
    encode_success,
)
from apps.ingestion.sniffing import sniff
from apps.libraries.types import Blob, PageRead

MAX_OPEN_FILES = 64
MIB = 1 << 20
BASE_CPU_S = 45  # for a document without pages, and until the number of pages is known
CPU_S_PER_PAGE = 0.2  # ten times what a page usually takes
CPU_S_PER_RECOGNISED_PAGE = 60
MAPPED_MIB = 1_024  # libraries map that much address space, OpenCV and onnxruntime most of it, and touch little of it
_GC = (50_000, 20, 100)  # a short life that makes many small objects and few cycles: the default costs a tenth of it
# M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_TOP_PAD of malloc.h, in bytes: a short life need not give memory back page by
# page of the document, only to fetch it again (150 page faults for each; a tenth of the time).
_KEPT = ((-1, 64 << 20), (-3, 8 << 20), (-2, 4 << 20))
_CPU_GRACE_S = 2  # after SIGXCPU the kernel waits this long before it kills
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # linux/prctl.h
_REPORT_EVERY_S = 0.05


def run(task: Task, channel: socket.socket, result: int, zygote: int) -> None:
    """Read the document, write what came of it into the file `result`, and end the process."""
    confine(task.limits, zygote)
    gc.set_threshold(*_GC)
    if task.temp:
        tempfile.tempdir = os.environ["TMPDIR"] = task.temp
    speaking = replace(
        task,
        report=reporter(channel, task.limits),
        keep=keeper(result, task.limits),
        tell=teller(channel, task.limits),
        hands=len(os.sched_getaffinity(0)),
    )
    written = outcome(speaking)
    try:
        _end(result, written)
    except OSError:
        os.ftruncate(result, 0)
        os.lseek(result, 0, os.SEEK_SET)
        _end(result, encode_failure(Failure("too-much-text", {"limit": task.limits.max_chars})))


def keeper(result: int, limits: ParseLimits) -> Callable[[Iterable[bytes]], Blob]:
    """Return `Task.keep`: it appends bytes to the result file and counts them on the way."""
    room = limits.max_blob_mib * MIB
    offset = 0

    def keep(data: Iterable[bytes]) -> Blob:
        nonlocal offset
        start = offset
        for piece in data:
            offset += len(piece)
            if offset > room:
                raise Refused("archive-bomb", limit_mib=limits.max_blob_mib)
            _write(result, piece)
        return Blob(start, offset - start)

    return keep


def outcome(task: Task) -> bytes:
    """Return the result as JSON, whatever happens short of a crash."""
    try:
        kind = sniff(Path(task.path), task.name)
        parsed = parser_of(kind)(task)
        if sum(len(block.text) for block in parsed.blocks) > task.limits.max_chars:
            raise Refused("too-much-text", limit=task.limits.max_chars)
        return encode_success(kind, parsed)
    except Refused as refused:
        return encode_failure(Failure(refused.code, refused.params))
    except MemoryError:
        return encode_failure(Failure("parse-memory", {"mib": task.limits.memory_mib}))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return encode_failure(Failure("no-room"))
        return encode_failure(Failure("broken", log=traceback.format_exc(limit=-12)[-4_000:]))


def confine(limits: ParseLimits, zygote: int) -> None:
    """Limit this process, and make it die with its parent. Never undone."""
    os.setsid()
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for option, size in _KEPT:
        libc.mallopt(option, size)
    if os.getppid() != zygote:  # it died before the kernel was asked to tell
        os._exit(1)
    file_bytes = limits.max_chars * 8 + (64 + limits.max_blob_mib) * MIB
    for kind, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, min(BASE_CPU_S, limits.cpu_s), limits.cpu_s + _CPU_GRACE_S),
        (resource.RLIMIT_DATA, limits.memory_mib * MIB, limits.memory_mib * MIB),
        (resource.RLIMIT_AS, (limits.memory_mib + MAPPED_MIB) * MIB, (limits.memory_mib + MAPPED_MIB) * MIB),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES, MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
    ):
        resource.setrlimit(kind, (soft, hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit then fails with EFBIG
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)


def reporter(channel: socket.socket, limits: ParseLimits) -> Report:
    """Return a function that tells the host how far the reading is, at most 20 times a second.

    Its first call tells the number of pages, and with it how much time the document may take.
    """
    last = -1.0

    def report(done: int, total: int) -> None:
        nonlocal last
        if last < 0:
            seconds = min(limits.cpu_s, round(BASE_CPU_S + CPU_S_PER_PAGE * total))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, limits.cpu_s + _CPU_GRACE_S))
        now = time.monotonic()
        if now - last < _REPORT_EVERY_S and done < total:
            return
        last = now
        try:
            channel.send(encode_progress(done, total), socket.MSG_DONTWAIT)
        except OSError:  # the host reads too slowly or has gone: progress may be lost, the zygote sees the rest
            return

    return report


def teller(channel: socket.socket, limits: ParseLimits) -> Callable[[PageRead], None]:
    """Return `Task.tell`: it hands over a page, and grants the time that the next one may take."""

    def tell(page: PageRead) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = round(usage.ru_utime + usage.ru_stime) + CPU_S_PER_RECOGNISED_PAGE
        soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (min(max(soft, seconds), limits.cpu_s), hard))
        message = encode_page(page)
        while len(message) > MESSAGE_BYTES:  # a page of thousands of lines: half of them is better than none
            page = replace(page, lines=page.lines[: len(page.lines) // 2])
            message = encode_page(page)
        with contextlib.suppress(OSError):  # the host has gone: the zygote sees the rest
            channel.send(message)

    return tell


def _end(file: int, data: bytes) -> None:
    """Write the result and its length behind the blobs."""
    _write(file, data + len(data).to_bytes(TAIL_BYTES))


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
