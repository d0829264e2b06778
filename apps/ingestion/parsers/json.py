"""Reads JSON: arrays of objects record by record, other objects by their members, notebooks cell by cell."""

import json
from collections.abc import Iterator
from typing import Any

from apps.ingestion.parsers import notebook
from apps.ingestion.parsers.cleaning import language_of
from apps.ingestion.parsers.headings import MAX_HEADING_CHARS, HeadingStack
from apps.ingestion.parsers.records import is_plain, is_records, label_of, record_text
from apps.ingestion.parsers.text import read_prose, read_text
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument

MAX_SECTION_LEVEL = 4


def parse(task: Task) -> ParsedDocument:
    """Return a JSON file's records as blocks. One that is not JSON after all is read as text. Raises Refused."""
    text = read_text(task)
    try:
        value = json.loads(text, parse_int=str, parse_float=str)  # digits as they are written, however many
    except RecursionError as error:
        raise Refused("broken", reason="json") from error
    except ValueError:
        blocks, records = tuple(read_prose(text)), 0
    else:
        blocks, records = tuple(_blocks(value)), len(value) if is_records(value) else 0
    if not blocks:
        raise Refused("empty")
    facts = {"records": str(records)} if records else {}
    return ParsedDocument(blocks, language=language_of([block.text for block in blocks[:400]]), facts=facts)


def _blocks(value: Any) -> Iterator[Block]:
    if notebook.is_notebook(value):
        yield from notebook.read_cells(value)
    elif is_records(value):
        yield from record_blocks(value, ())
    elif isinstance(value, dict):
        yield from _members(value, HeadingStack(), 1)
    else:
        text = record_text(value)
        if text:
            yield Block(text)


def record_blocks(records: list[Any], above: tuple[str, ...]) -> Iterator[Block]:
    """Yield one block a record, under what the record calls itself."""
    for record in records:
        text = record_text(record)
        if text:
            label = label_of(record)[:MAX_HEADING_CHARS]
            yield Block(text, heading_path=(*above, label) if label else above)


def _members(value: dict[str, Any], stack: HeadingStack, level: int) -> Iterator[Block]:
    """Yield the plain members of an object as one block, then each of the others under its name."""
    plain = {key: item for key, item in value.items() if is_plain(item) or level > MAX_SECTION_LEVEL}
    text = record_text(plain)
    if text:
        yield Block(text, heading_path=stack.path)
    for key, item in value.items():
        if key in plain or not item:
            continue
        heading = " ".join(str(key).split())[:MAX_HEADING_CHARS] or "–"
        yield Block(heading, "heading", heading_path=stack.push(level, heading), level=level)
        if isinstance(item, dict):
            yield from _members(item, stack, level + 1)
        elif is_records(item):
            yield from record_blocks(item, stack.path)
        else:
            yield Block(record_text(item), "list", heading_path=stack.path)
