"""Has a file looked at by the operator's malware scanner before any parser touches it."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from apps.core import clamd
from apps.ingestion.parse_errors import Malware


def scan(path: Path) -> None:
    """Raise Malware for a file that the scanner knows, ScannerUnavailable when it does not answer.

    Does nothing unless KB_CLAMD names a scanner.
    """
    address: str = settings.ENV.clamd
    if address and (name := clamd.scan(address, _pieces(path))):
        raise Malware(name=name)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(clamd.PIECE_BYTES):
            yield piece
