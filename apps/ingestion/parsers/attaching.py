"""Keeps the files inside a file: attachments of mails and PDFs, members of archives. Counted while they stream."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from apps.ingestion.parsers.types import Refused, Task
from apps.ingestion.sniffing import sniff
from apps.libraries.types import Attached

PIECE_BYTES = 1 << 20
MAX_NAME_CHARS = 255
KEPT_REFUSALS = frozenset({"encrypted"})  # a document of its own is where people can give its password
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Attacher:
    """Collects the parts of one file. A part whose bytes are not read is only listed, with the reason's code."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._found: list[Attached] = []

    @property
    def attached(self) -> tuple[Attached, ...]:
        """Return what was found so far, in order."""
        return tuple(self._found)

    @property
    def room(self) -> int:
        """Return how many parts may still come."""
        return max(0, self._task.limits.max_members - len(self._found))

    def add(self, name: str, pieces: Iterable[bytes], folder: str = "") -> None:
        """Keep a part. Raises Refused("archive-bomb") above the limits of parts and bytes."""
        with TemporaryFile() as copy:
            for piece in pieces:
                copy.write(piece)
            self.add_file(name, copy, folder)

    def add_file(self, name: str, copy: IO[bytes], folder: str = "") -> None:
        """Keep a part whose bytes lie in an open file."""
        name, folder = _label(name) or "unnamed", "/".join(filter(None, map(_label, folder.split("/"))))
        copy.flush()
        size = copy.seek(0, 2)
        reason = _refusal(copy, name)
        if reason and reason not in KEPT_REFUSALS:
            self.list_only(name, size, reason, folder)
            return
        self._count()
        blob = self._task.keep(_pieces(copy))
        self._found.append(Attached(name, size, blob, folder))

    def list_only(self, name: str, size: int, reason: str, folder: str = "") -> None:
        """List a part that is not kept."""
        self._count()
        self._found.append(Attached(_label(name) or "unnamed", size, None, folder, reason))

    def _count(self) -> None:
        if not self.room:
            raise Refused("archive-bomb", entries=len(self._found))


def _label(name: str) -> str:
    """Return a name without control characters; what it may be called on a page is `ingestion.names`' business."""
    return _CONTROLS.sub("", unicodedata.normalize("NFC", name)).strip()[:MAX_NAME_CHARS]


def is_plain_zip(copy: IO[bytes], name: str) -> bool:
    """Return whether an open file is an archive of files, rather than a document that is packed as one."""
    try:
        return sniff(_path(copy), name) == "zip"
    except Refused:
        return False


def _path(copy: IO[bytes]) -> Path:
    """Return a path to an open file that has no name."""
    return Path(f"/proc/self/fd/{copy.fileno()}")


def _refusal(copy: IO[bytes], name: str) -> str:
    """Return the code with which the bytes are refused at sight, "" when a parser will try them."""
    try:
        sniff(_path(copy), name)
    except Refused as refused:
        return refused.code
    return ""


def _pieces(copy: IO[bytes]) -> Iterator[bytes]:
    copy.seek(0)
    while piece := copy.read(PIECE_BYTES):
        yield piece
