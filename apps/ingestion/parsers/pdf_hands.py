"""A second pair of hands for long PDFs: a fork of the confined child reads some of the pages meanwhile.

It lives in the child's group and dies with it. Whatever it does not hand over, because it crashed, hit its limits or
met a page that is not plain, the child reads itself: so it can make a reading faster, and never another one.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass

from apps.ingestion.parsers.pdf_lines import Frame, Line
from apps.ingestion.parsers.pdf_rules import Table
from apps.ingestion.parsers.tables import Merge
from apps.ingestion.parsers.types import ParseLimits, Task

MIN_PAGES = 16  # a fork costs as much as a few pages
MEMORY_MIB = 400  # of the helper; the child has so much less while it lives
_CHUNK = 4  # pages taken at once
_MAX_CHUNKS = 20_000  # their numbers fill a pipe of 64 KiB no further than this
_BASE_CPU_S = 5
_CPU_S_PER_PAGE = 0.1
_TOKEN_BYTES = 3
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """A page of plain text: its lines outside of tables, its tables, and whether it shows pictures worth keeping."""

    frame: Frame
    lines: list[Line]
    tables: tuple[Table, ...]
    chars: int
    has_pictures: bool


class Sharing:
    """Deals the pages of one document out to the processes that ask, a few at a time and in order."""

    def __init__(self, task: Task, total: int) -> None:
        self.task = task
        self._total = total
        self._chunk = max(_CHUNK, total // _MAX_CHUNKS + 1)
        self._tokens, given = os.pipe()
        os.write(given, b"".join(at.to_bytes(_TOKEN_BYTES) for at in range(0, total, self._chunk)))
        os.close(given)
        self._result = os.memfd_create("zhiku-pages")
        self.helper = 0

    def indexes(self) -> Iterator[int]:
        """Yield the indexes of pages that this process is to read."""
        while token := os.read(self._tokens, _TOKEN_BYTES):
            first = int.from_bytes(token)
            yield from range(first, min(first + self._chunk, self._total))

    def hand_over(self, index: int, row: Row) -> None:
        """Give a page to the process that began."""
        lines = [
            (line.text, line.x0, line.y0, line.x1, line.y1, line.size, line.is_bold, line.is_hyphenated, line.turn)
            for line in row.lines
        ]
        rest = astuple(row.frame), [astuple(table) for table in row.tables], row.chars, row.has_pictures
        os.write(self._result, json.dumps((index, lines, *rest)).encode() + b"\n")

    def collected(self) -> dict[int, Row]:
        """Wait for the helper, and return the pages that it handed over."""
        if not self.helper:
            return {}
        os.waitpid(self.helper, 0)
        self.helper = 0
        os.lseek(self._result, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._result), "rb") as file:
            return dict(_page(line) for line in file if line.endswith(b"\n"))

    def close(self) -> None:
        """End the helper, if it still lives."""
        if self.helper:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.helper, signal.SIGKILL)
            os.waitpid(self.helper, 0)
        os.close(self._tokens)
        os.close(self._result)


@contextmanager
def shared(task: Task, total: int, work: Callable[[Sharing], None]) -> Iterator[Sharing]:
    """Deal out the pages of a document to this process and to a helper that does `work`."""
    sharing = Sharing(task, total)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        parent = os.getpid()
        sharing.helper = os.fork()
        if not sharing.helper:
            _be_helper(sharing, parent, total, work)
        if soft != resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_DATA, (max(soft // 2, soft - MEMORY_MIB * _MIB), hard))
        yield sharing
    finally:
        sharing.close()
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _be_helper(sharing: Sharing, parent: int, total: int, work: Callable[[Sharing], None]) -> None:
    """Work, and end the process."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() == parent:
            _confine(sharing.task.limits, total)
            work(sharing)
    finally:
        os._exit(0)


def _confine(limits: ParseLimits, total: int) -> None:
    cpu_s = min(limits.cpu_s, round(_BASE_CPU_S + _CPU_S_PER_PAGE * total))
    data = min(limits.memory_mib, MEMORY_MIB) * _MIB
    for kind, most in ((resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_DATA, data)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _page(line: bytes) -> tuple[int, Row]:
    index, lines, frame, tables, chars, has_pictures = json.loads(line)
    return index, Row(Frame(*frame), [Line(*each) for each in lines], tuple(map(_table, tables)), chars, has_pictures)


def _table(row: tuple[list[float], list[list[str]], list[list[int]]]) -> Table:
    edges, rows, merges = row
    left, top, right, bottom = edges
    return Table((left, top, right, bottom), tuple(map(tuple, rows)), tuple(Merge(*merge) for merge in merges))
