"""Reads Word documents before 2007: through LibreOffice, or their bare text where that is not installed."""

from apps.ingestion.parsers import docx, word_binary
from apps.ingestion.parsers.office_legacy import read_converted, streams
from apps.ingestion.parsers.types import Task
from apps.libraries.types import ParsedDocument


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of an old Word document. Raises Refused."""
    return read_converted(task, ".doc", "docx", docx.parse, _read_text)


def _read_text(task: Task) -> ParsedDocument:
    """Return what can be read without LibreOffice. Raises Refused."""
    found = streams(task.path, ("WordDocument", "1Table", "0Table"))
    return word_binary.read(task, found.get("WordDocument", b""), found)
