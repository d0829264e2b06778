"""Opens ZIP archives: their members become documents, their folders are kept. Nothing is ever extracted to a path.

Limits (security-cases rows 66 and 67) hold for the whole file, archives within it included, and are counted while
members are unpacked, never believed from headers.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from tempfile import TemporaryFile
from typing import IO

from apps.ingestion.parsers.attaching import PIECE_BYTES, Attacher, is_plain_zip
from apps.ingestion.parsers.encodings import encoding_of
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

FREE_BYTES = 16 << 20  # so much may come out of any archive, however small: logs and tables pack well
_UTF8_FLAG, _LOCKED_FLAG = 0x800, 0x1
_DRIVE_COLON = 1  # "C:": the place of the colon
_JUNK_FOLDERS = frozenset({"__MACOSX", ".git", ".svn", "__pycache__", "node_modules", "$RECYCLE.BIN"})
_JUNK_NAMES = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".gitignore", ".gitkeep"})
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError)
_SPECIAL = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)


def parse(task: Task) -> ParsedDocument:
    """Return the members of an archive as attached files. Raises Refused for hostile, locked and empty ones."""
    opener = _Opener(task)
    with open(task.path, "rb") as file:  # noqa: PTH123  the opener wants a file, here and for archives within
        opener.open(file, "", depth=1)
    attached = opener.attacher.attached
    if all(part.data is None for part in attached):
        raise Refused("no-parts" if attached else "empty", entries=len(attached))
    return ParsedDocument((), attached=attached)


class _Opener:
    """Unpacks an archive and those within, and counts what comes out."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._limits = task.limits
        self._packed = 0
        self._unpacked = 0
        self._entries = 0
        self.attacher = Attacher(task)

    def open(self, file: IO[bytes], folder: str, *, depth: int) -> None:
        """Attach the members of the archive in `file`; archives within count a level deeper."""
        if depth > self._limits.max_depth:
            raise Refused("archive-bomb", depth=depth)
        self._packed = self._packed or max(1, file.seek(0, 2))
        try:
            with zipfile.ZipFile(file) as archive:
                members = [entry for entry in _named(archive) if not entry[1].is_dir()]
                self._check_names(members)
                for done, (name, entry) in enumerate(members):
                    if depth == 1:
                        self._task.report(done, len(members))
                    self._take(archive, entry, PurePosixPath(folder, name), depth)
        except (*_BROKEN, NotImplementedError) as error:
            raise Refused("broken", reason="zip") from error

    def _check_names(self, members: list[tuple[str, zipfile.ZipInfo]]) -> None:
        """Refuse an archive whose entries lie about their place, before anything is unpacked."""
        self._entries += len(members)
        if self._entries > self._limits.max_members:
            raise Refused("archive-bomb", entries=self._entries)
        seen: set[str] = set()
        for name, entry in members:
            if _is_unsafe(name, entry) or name.casefold() in seen:
                raise Refused("unsafe-archive", entry=name[:200])
            seen.add(name.casefold())

    def _take(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: PurePosixPath, depth: int) -> None:
        if _is_junk(path):
            return
        folder = "" if str(path.parent) == "." else str(path.parent)
        with TemporaryFile() as copy:
            try:
                for piece in self._pieces(archive, entry):
                    copy.write(piece)
            except (*_BROKEN, NotImplementedError) as error:  # the latter: a way of packing that zipfile does not know
                reason = "unsupported-format" if isinstance(error, NotImplementedError) else "broken"
                self.attacher.list_only(path.name, entry.file_size, reason, folder)
                return
            copy.flush()
            if is_plain_zip(copy, path.name):
                self.open(copy, str(path), depth=depth + 1)
            else:
                self.attacher.add_file(path.name, copy, folder)

    def _pieces(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the bytes of a member. Raises Refused as soon as too much came out, or for a wrong password."""
        password = self._task.password.encode() if self._task.password else None
        if entry.flag_bits & _LOCKED_FLAG and password is None:
            raise Refused("encrypted")
        try:
            with archive.open(entry, pwd=password) as member:
                while piece := member.read(PIECE_BYTES):
                    self._unpacked += len(piece)
                    self._check_bytes()
                    yield piece
        except NotImplementedError:
            raise
        except RuntimeError as error:  # zipfile's way to say that the password is wrong
            raise Refused("wrong-password") from error

    def _check_bytes(self) -> None:
        ratio = self._unpacked / self._packed
        too_much = self._unpacked > self._limits.max_blob_mib << 20
        if too_much or (self._unpacked > FREE_BYTES and ratio > self._limits.max_ratio):
            raise Refused("archive-bomb", mib=self._unpacked >> 20, ratio=round(ratio))


def _named(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return the entries with their names decoded: old programs wrote them in the code page of their country."""
    entries = archive.infolist()
    old = [entry.orig_filename.encode("cp437", errors="replace") for entry in entries if not _is_utf8(entry)]
    encoding = encoding_of(b"\n".join(old)) if old else "utf-8"
    return [(_name_of(entry, encoding).replace("\\", "/"), entry) for entry in entries]


def _is_utf8(entry: zipfile.ZipInfo) -> bool:
    return bool(entry.flag_bits & _UTF8_FLAG) or entry.orig_filename.isascii()


def _name_of(entry: zipfile.ZipInfo, encoding: str) -> str:
    if _is_utf8(entry):
        return entry.orig_filename
    return entry.orig_filename.encode("cp437", errors="replace").decode(encoding, errors="replace")


def _is_unsafe(name: str, entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry would land outside of a folder, or is no plain file (row 66)."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return (
        kind in _SPECIAL
        or "\0" in name
        or name.startswith("/")
        or name[_DRIVE_COLON : _DRIVE_COLON + 1] == ":"
        or ".." in name.split("/")
        or not name.strip("/. ")
    )


def _is_junk(path: PurePosixPath) -> bool:
    """Return whether a member is what systems leave behind, rather than what a team put in."""
    return (
        bool(_JUNK_FOLDERS & set(path.parts)) or path.name.lower() in _JUNK_NAMES or path.name.startswith(("._", "~$"))
    )
