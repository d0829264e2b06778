"""Reads PowerPoint presentations before 2007."""

from apps.ingestion.parsers import pptx
from apps.ingestion.parsers.office_legacy import read_converted
from apps.ingestion.parsers.types import Task
from apps.libraries.types import ParsedDocument


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of an old presentation, slide by slide. Raises Refused."""
    return read_converted(task, ".ppt", "pptx", pptx.parse)
