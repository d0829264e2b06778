"""Reads web pages saved as one file (MHTML): the page that the first HTML part holds."""

import email
from pathlib import Path

from apps.ingestion.parsers.html import read_page
from apps.ingestion.parsers.mail import MAX_NESTING, header, text_of
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

FACTS = {"address": "Snapshot-Content-Location", "saved": "Date", "subject": "Subject"}


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a saved page; frames follow in their order. Raises Refused for one without words."""
    message = email.message_from_bytes(Path(task.path).read_bytes().lstrip())
    pages = [part for part in message.walk() if part.get_content_type() in {"text/html", "application/xhtml+xml"}]
    found = []
    for part in pages[:MAX_NESTING]:
        data = part.get_payload(decode=True)
        if isinstance(data, bytes):
            found.append(read_page(text_of(data, part.get_content_charset())))
    blocks = tuple(block for page in found for block in page.blocks)
    if not blocks:
        raise Refused("empty")
    facts = {key: value for key, name in FACTS.items() if (value := header(message, name))}
    title = found[0].title or facts.get("subject", "")
    return ParsedDocument(blocks, title=title, language=found[0].language, facts=facts)
