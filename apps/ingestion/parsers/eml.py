"""Reads an e-mail: subject, header and words as blocks, what is attached as parts."""

import email
from pathlib import Path

from apps.ingestion.parsers.attaching import Attacher
from apps.ingestion.parsers.cleaning import language_of
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.mail import facts_of, read_message
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument


def parse(task: Task) -> ParsedDocument:
    """Return an e-mail's words, who wrote it to whom and when, and its attachments. Raises Refused for an empty one."""
    message = email.message_from_bytes(Path(task.path).read_bytes().lstrip())
    attacher = Attacher(task)
    blocks = tuple(read_message(message, attacher, HeadingStack()))
    if not blocks:
        raise Refused("empty")
    facts = facts_of(message)
    language = language_of([block.text for block in blocks[2:400]])
    title = facts.get("subject", "")
    return ParsedDocument(blocks, title=title, language=language, attached=attacher.attached, facts=facts)
