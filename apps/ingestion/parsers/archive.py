"""Opens the parts of OOXML files: bounded, counted while they are unpacked, XML without entities or network."""

import re
import zipfile
import zlib

from lxml import etree

from apps.ingestion.parsers.types import Refused

MAX_ENTRIES = 10_000
MAX_RATIO = 100
MAX_TOTAL_BYTES = 1 << 30
FREE_BYTES = 16 << 20  # so much may come out of any file, however small: XML of tables packs well
_STEP = 1 << 20
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class Archive:
    """A zip file whose parts are read one by one. Raises Refused for what looks like a bomb."""

    def __init__(self, path: str) -> None:
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

    def _check(self, unpacked_bytes: int) -> None:
        ratio = unpacked_bytes / self._packed_bytes
        if unpacked_bytes > MAX_TOTAL_BYTES or (unpacked_bytes > FREE_BYTES and ratio > MAX_RATIO):
            raise Refused("archive-bomb", mib=unpacked_bytes >> 20, ratio=round(ratio))

    def read(self, name: str) -> bytes:
        """Return the bytes of a part, b"" if there is none."""
        if name not in self.names:
            return b""
        pieces: list[bytes] = []
        try:
            with self._zip.open(name) as part:
                while piece := part.read(_STEP):
                    self._unpacked_bytes += len(piece)
                    self._check(self._unpacked_bytes)
                    pieces.append(piece)
        except RuntimeError as error:  # zipfile's way to say that a part is encrypted
            raise Refused("encrypted") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise Refused("broken", reason=name) from error
        return b"".join(pieces)

    def xml(self, name: str) -> etree._Element | None:
        """Return the root of an XML part, None if there is no such part. Raises Refused for a DTD or broken XML."""
        data = self.read(name)
        if not data:
            return None
        if _DOCTYPE.search(data) or _DOCTYPE.search(data.replace(b"\0", b"")):
            raise Refused("xml-entities", part=name)
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            return etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise Refused("broken", reason=name) from error
