"""Reads JSON Lines: one record a line; a line that is none is kept as it is."""

import json
from collections.abc import Iterator

from apps.ingestion.parsers.cleaning import language_of
from apps.ingestion.parsers.json import record_blocks
from apps.ingestion.parsers.text import read_text
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument


def parse(task: Task) -> ParsedDocument:
    """Return one block a record. Raises Refused where there is none."""
    blocks = tuple(_blocks(read_text(task)))
    if not blocks:
        raise Refused("empty")
    language = language_of([block.text for block in blocks[:400]])
    return ParsedDocument(blocks, language=language, facts={"records": str(len(blocks))})


def _blocks(text: str) -> Iterator[Block]:
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            yield Block(line.strip())
        else:
            yield from record_blocks([value], ())
