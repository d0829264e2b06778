"""What eml, mbox and mhtml share: the words of a message, its header, and what is attached to it.

The lenient `compat32` policy is used on purpose: the newer one raises on headers that real mail programs send.
"""

import contextlib
import email.errors
import email.header
import email.utils
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message

from apps.ingestion.parsers.attaching import Attacher
from apps.ingestion.parsers.cleaning import one_line
from apps.ingestion.parsers.encodings import decode
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.html import read_page
from apps.ingestion.parsers.text import read_prose
from apps.libraries.types import Block

MAX_NESTING = 20  # messages in messages
ENOUGH_PLAIN = 0.5  # of the words of the HTML: then the plain text says the same, with less clutter
FIELDS = (("from", "From"), ("to", "To"), ("cc", "Cc"), ("sent", "Date"), ("subject", "Subject"))
MAX_FIELD_CHARS = 1_000
_CID = re.compile(r"cid:([^\"'\s>)]{1,200})", re.IGNORECASE)


@dataclass(slots=True)
class Bodies:
    """The texts of a message and what hangs on it."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    files: list[Message] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


def header(message: Message, name: str) -> str:
    """Return a decoded field on one line, "" where there is none; broken encodings are decoded as far as they go."""
    raw = message.get(name)
    if raw is None:
        return ""
    try:
        parts = email.header.decode_header(str(raw))
    except (email.errors.HeaderParseError, ValueError):
        return one_line(str(raw))[:MAX_FIELD_CHARS]
    return one_line("".join(_decoded(part, charset) for part, charset in parts))[:MAX_FIELD_CHARS]


def _decoded(part: bytes | str, charset: str | None) -> str:
    if isinstance(part, str):  # bytes beyond ASCII, which no header may hold, stand in it as surrogates
        return part if part.isascii() else text_of(part.encode("utf-8", "surrogateescape"), "utf-8")
    return text_of(part, charset)


def raw_field(message: Message, name: str) -> str:
    """Return a field as it stands, "" where there is none; one with bytes beyond ASCII comes as an object."""
    return str(message.get(name) or "").strip()


def text_of(data: bytes, charset: str | None) -> str:
    """Return bytes as text: by the charset told if it holds, else by their looks."""
    name = {"gb2312": "gb18030", "gbk": "gb18030", "us-ascii": "utf-8"}.get((charset or "").lower(), charset or "")
    try:
        return data.decode(name)
    except (LookupError, ValueError):
        return decode(data)


def facts_of(message: Message) -> Mapping[str, str]:
    """Return who wrote what to whom and when; the time as ISO 8601 where it can be understood."""
    found = {key: header(message, name) for key, name in FIELDS}
    with contextlib.suppress(ValueError, TypeError, IndexError, OverflowError):
        found["sent"] = email.utils.parsedate_to_datetime(found["sent"]).isoformat(sep=" ")
    return {key: value for key, value in found.items() if value}


def opening(facts: Mapping[str, str], stack: HeadingStack, level: int) -> Iterator[Block]:
    """Yield a message's subject as a heading and its header as a paragraph, so that it is found by either."""
    subject = facts.get("subject", "")
    if subject:
        yield Block(subject, "heading", heading_path=stack.push(level, subject), level=level)
    labels = {"from": "From", "to": "To", "cc": "Cc", "sent": "Date"}
    lines = [f"{label}: {facts[key]}" for key, label in labels.items() if key in facts]
    if lines:
        yield Block("\n".join(lines), heading_path=stack.path)


def read_message(message: Message, attacher: Attacher, stack: HeadingStack, level: int = 1) -> Iterator[Block]:
    """Yield a message as blocks and hand its attachments over; messages of a digest follow a level deeper."""
    bodies = Bodies()
    _collect(message, bodies, depth=0)
    yield from opening(facts_of(message), stack, level)
    yield from body_blocks(bodies, stack, level)
    page = "\n".join(bodies.html)
    shown = {found.lower() for found in _CID.findall(page)}
    folder = "" if level == 1 else one_line(header(message, "subject"))[:100].replace("/", " ")
    for part in bodies.files:
        if raw_field(part, "Content-ID").strip("<> ").lower() not in shown:
            attacher.add(_name_of(part), [_bytes_of(part)], folder)
    for inner in bodies.messages[: attacher.room]:
        yield from read_message(inner, attacher, stack, min(level + 1, MAX_NESTING))


def _collect(part: Message, bodies: Bodies, depth: int) -> None:
    """Sort the parts of a message into words, attachments and messages."""
    kind, disposition = part.get_content_type(), raw_field(part, "Content-Disposition").lower()
    if kind == "message/rfc822" and isinstance(part.get_payload(), list):
        bodies.messages += [inner for inner in part.get_payload() if isinstance(inner, Message)]
    elif part.is_multipart():
        for inner in part.get_payload():
            if isinstance(inner, Message) and depth < MAX_NESTING:
                _collect(inner, bodies, depth + 1)
    elif kind in {"text/plain", "text/html"} and not disposition.startswith("attachment") and not part.get_filename():
        text = text_of(_bytes_of(part), part.get_content_charset())
        (bodies.html if kind == "text/html" else bodies.plain).append(text)
    elif disposition or part.get_filename() or not kind.startswith("text/"):
        bodies.files.append(part)


def body_blocks(bodies: Bodies, stack: HeadingStack, level: int) -> Iterator[Block]:
    """Yield the plain text unless the HTML says more or holds tables; its headings stand below the subject."""
    plain = "\n\n".join(bodies.plain)
    blocks = [block for page in bodies.html for block in read_page(page).blocks]
    words = sum(len(block.text) for block in blocks)
    is_rich = any(block.kind == "table" for block in blocks) or len(plain) < words * ENOUGH_PLAIN
    if not blocks or (plain.strip() and not is_rich):
        blocks = list(read_prose(plain))
    above = stack.path
    for block in blocks:
        deeper = block.level + level if block.level else 0
        yield Block(block.text, block.kind, heading_path=above + block.heading_path, level=deeper)


def _bytes_of(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _name_of(part: Message) -> str:
    """Return an attachment's name, decoded; one without gets the suffix of its type."""
    raw = part.get_filename()
    if raw:
        carrier = Message()
        carrier["Subject"] = raw
        return header(carrier, "Subject")
    subtype = part.get_content_subtype()
    suffix = {"plain": "txt", "jpeg": "jpg", "calendar": "ics", "rfc822": "eml"}.get(subtype, subtype)
    return f"attachment.{suffix}" if suffix.isalnum() else "attachment"
