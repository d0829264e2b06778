"""Reads PowerPoint presentations before 2007: through LibreOffice, or their bare text where that is not installed."""

from apps.ingestion.parsers import pptx, slides_binary
from apps.ingestion.parsers.office_legacy import read_converted, streams
from apps.ingestion.parsers.types import Task
from apps.libraries.types import ParsedDocument

_STREAM = "PowerPoint Document"


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of an old presentation, slide by slide. Raises Refused."""
    return read_converted(task, ".ppt", "pptx", pptx.parse, _read_text)


def _read_text(task: Task) -> ParsedDocument:
    """Return what can be read without LibreOffice. Raises Refused."""
    return slides_binary.read(task, streams(task.path, (_STREAM,)).get(_STREAM, b""))
