"""Names the streams of an OLE compound file (the office formats before 2007, .msg). Bounded; reads no contents.

Layout: [MS-CFB] 2.2 (header), 2.3 (FAT), 2.5 (DIFAT), 2.6 (directory).
"""

import struct
from collections.abc import Iterator
from typing import IO

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_SECTORS = 4_096  # of the directory: 16,000 entries and more
_ENTRY_BYTES = 128
_HEADER_DIFAT = 109
_LAST_SECTOR = 0xFFFFFFFA  # above it are marks: end of chain, free, FAT
_NONE = 0xFFFFFFFF
_SHIFTS = (9, 12)  # sectors of 512 or 4,096 bytes


def root_names(file: IO[bytes]) -> frozenset[str]:
    """Return the names of the streams and storages in the root of a compound file; empty when it is damaged."""
    try:
        entries = [_Entry(raw) for raw in _directory(file)]
        return frozenset(_children(entries))
    except (struct.error, OSError, IndexError):
        return frozenset()


class _Entry:
    """An entry of the directory: its name and its neighbours in the tree."""

    def __init__(self, raw: bytes) -> None:
        size = min(64, struct.unpack_from("<H", raw, 64)[0])
        self.name = raw[: max(0, size - 2)].decode("utf-16-le", errors="replace")
        self.left, self.right, self.child = struct.unpack_from("<3I", raw, 68)


def _children(entries: list[_Entry]) -> Iterator[str]:
    """Yield the names in the root; each entry is visited once, whatever a hostile tree says."""
    seen: set[int] = set()
    stack = [entries[0].child]
    while stack:
        index = stack.pop()
        if index == _NONE or index in seen or index >= len(entries):
            continue
        seen.add(index)
        yield entries[index].name
        stack += [entries[index].left, entries[index].right]


def _directory(file: IO[bytes]) -> Iterator[bytes]:
    header = file.read(512)
    shift = struct.unpack_from("<H", header, 30)[0]
    if not header.startswith(MAGIC) or shift not in _SHIFTS:
        return
    table = _Table(file, header, 1 << shift)
    sector = struct.unpack_from("<I", header, 48)[0]
    seen: set[int] = set()
    while sector < _LAST_SECTOR and sector not in seen and len(seen) < MAX_SECTORS:
        seen.add(sector)
        data = table.sector(sector)
        yield from (data[at : at + _ENTRY_BYTES] for at in range(0, len(data) - _ENTRY_BYTES + 1, _ENTRY_BYTES))
        sector = table.next(sector)


class _Table:
    """The file allocation table, looked up sector by sector."""

    def __init__(self, file: IO[bytes], header: bytes, size: int) -> None:
        self._file, self._size = file, size
        self._fat = list(struct.unpack_from(f"<{_HEADER_DIFAT}I", header, 76))
        self._more = struct.unpack_from("<I", header, 68)[0]

    def sector(self, number: int) -> bytes:
        """Return the bytes of a sector."""
        self._file.seek((number + 1) * self._size)
        return self._file.read(self._size)

    def next(self, sector: int) -> int:
        """Return the sector after this one in its chain. Raises IndexError or struct.error for a damaged table."""
        index, place = divmod(sector, self._size // 4)
        while index >= len(self._fat) and self._more < _LAST_SECTOR and len(self._fat) < MAX_SECTORS:
            *places, self._more = struct.unpack(f"<{self._size // 4}I", self.sector(self._more))
            self._fat += places
        return int(struct.unpack_from("<I", self.sector(self._fat[index]), place * 4)[0])
