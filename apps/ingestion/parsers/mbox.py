"""Reads a mailbox file: one section a message, in order; what is attached becomes parts, in a folder per message."""

import email
import re
from collections.abc import Iterator
from pathlib import Path

from apps.ingestion.parsers.attaching import Attacher
from apps.ingestion.parsers.cleaning import language_of
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.mail import read_message
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument

_POSTMARK = re.compile(rb"From \S+ .{8,60}\d{4}")  # RFC 4155; a sentence that begins with "From" has no year
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_MAX_MESSAGE_BYTES = 256 << 20


def parse(task: Task) -> ParsedDocument:
    """Return the messages of a mailbox. Raises Refused when there is none, or too much text."""
    attacher, stack = Attacher(task), HeadingStack()
    blocks: list[Block] = []
    count, characters = 0, 0
    size = max(1, Path(task.path).stat().st_size)
    for done, data in _messages(task.path):
        stack = HeadingStack()
        found = list(read_message(email.message_from_bytes(_ESCAPED.sub(rb"\1", data)), attacher, stack, level=2))
        blocks += found
        count += 1
        characters += sum(len(block.text) for block in found)
        if characters > task.limits.max_chars:
            raise Refused("too-much-text", limit=task.limits.max_chars)
        task.report(done * 1_000 // size, 1_000)
    if not blocks:
        raise Refused("empty")
    language = language_of([block.text for block in blocks[:400]])
    return ParsedDocument(tuple(blocks), language=language, attached=attacher.attached, facts={"messages": str(count)})


def _messages(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield (bytes read so far, message). Memory holds one message at a time. Raises Refused for a huge one."""
    lines: list[bytes] = []
    size = done = 0
    is_after_blank = True
    with Path(path).open("rb") as file:
        for line in file:
            done += len(line)
            if is_after_blank and _POSTMARK.match(line):
                if lines:
                    yield done, b"".join(lines)
                lines, size = [], 0
            else:
                lines.append(line)
                size += len(line)
            if size > _MAX_MESSAGE_BYTES:
                raise Refused("broken", reason="mbox")
            is_after_blank = not line.strip()
    if any(line.strip() for line in lines):
        yield done, b"".join(lines)
