"""Opens the parts of OOXML files: bounded, counted while they are unpacked, XML without entities or network."""

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from lxml import etree

from apps.ingestion.parsers.types import Refused
from apps.ingestion.parsers.xml_stream import root_of

MAX_ENTRIES = 10_000
MAX_RATIO = 100
MAX_TOTAL_BYTES = 1 << 30
FREE_BYTES = 16 << 20  # so much may come out of any file, however small: XML of tables packs well
_STEP = 1 << 20


class Archive:
    """A zip file whose parts are read one by one. Raises Refused for what looks like a bomb."""

    def __init__(self, path: str | IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self._packed_bytes = max(1, self._zip.fp.seek(0, 2) if self._zip.fp else 1)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise Refused("broken", reason="zip") from error
        self._unpacked_bytes = 0
        if len(entries) > MAX_ENTRIES:
            raise Refused("archive-bomb", entries=len(entries))
        self._check(sum(entry.file_size for entry in entries))  # what the headers admit; the truth is counted below
        self.names = [entry.filename for entry in entries]
        self._known = frozenset(self.names)

    def _check(self, unpacked_bytes: int) -> None:
        ratio = unpacked_bytes / self._packed_bytes
        if unpacked_bytes > MAX_TOTAL_BYTES or (unpacked_bytes > FREE_BYTES and ratio > MAX_RATIO):
            raise Refused("archive-bomb", mib=unpacked_bytes >> 20, ratio=round(ratio))

    def read(self, name: str) -> bytes:
        """Return the bytes of a part, b"" if there is none."""
        return b"".join(self.stream(name))

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a part piece by piece, nothing if there is none. Raises Refused on the way."""
        if name not in self._known:
            return
        try:
            with self._zip.open(name) as part:
                while piece := part.read(_STEP):
                    self._unpacked_bytes += len(piece)
                    self._check(self._unpacked_bytes)
                    yield piece
        except RuntimeError as error:  # zipfile's way to say that a part is encrypted
            raise Refused("encrypted") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
            raise Refused("broken", reason=name[:200]) from error

    def xml(self, name: str) -> etree._Element | None:
        """Return the root of an XML part, None if there is no such part. Raises Refused for a DTD or broken XML."""
        return root_of(self.read(name), name)
