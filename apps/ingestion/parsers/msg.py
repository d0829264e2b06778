"""Reads Outlook messages (.msg): subject, header and words as blocks, attachments as parts.

Properties and their numbers: [MS-OXPROPS]; the storages that hold them: [MS-OXMSG] 2.2 to 2.4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import olefile

from apps.ingestion.parsers.attaching import Attacher
from apps.ingestion.parsers.cleaning import language_of, one_line
from apps.ingestion.parsers.encodings import decode
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.html import decode_html
from apps.ingestion.parsers.mail import MAX_NESTING, Bodies, body_blocks, opening
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument

MAX_BODY_BYTES = 64 << 20
_SUBJECT, _BODY, _HTML = "0037", "1000", "1013"
_SENDER, _ADDRESSES = ("0C1A", "0042"), ("5D01", "5D02", "0C1F", "0065")
_TO, _CC = "0E04", "0E03"
_NAMES = ("3707", "3704", "3001")  # of an attachment: long, short, shown
_DATA, _EMBEDDED, _CONTENT_ID = "37010102", "3701000D", "3712"
_SENT = (0x00390040, 0x0E060040)  # client submit time, delivery time
_CODE_PAGES = (0x3FDE0003, 0x3FFD0003)  # of the internet, of the message
_HIDDEN = 0x7FFE000B
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_HEADERS = {"message": 32, "embedded": 24, "attachment": 8}  # bytes before the entries of a property stream


def parse(task: Task) -> ParsedDocument:
    """Return a message's words, who wrote it to whom and when, and its attachments. Raises Refused for damage."""
    attacher = Attacher(task)
    try:
        with olefile.OleFileIO(task.path) as file:
            message = _Message(file, (), "message")
            blocks = tuple(_read(message, attacher, HeadingStack(), 1))
            facts = message.facts()
    except (OSError, struct.error, ValueError, IndexError, KeyError) as error:  # olefile raises what it meets
        raise Refused("broken", reason="msg") from error
    if not blocks:
        raise Refused("empty")
    language = language_of([block.text for block in blocks[2:400]])
    title = facts.get("subject", "")
    return ParsedDocument(blocks, title=title, language=language, attached=attacher.attached, facts=facts)


def _read(message: _Message, attacher: Attacher, stack: HeadingStack, level: int) -> Iterator[Block]:
    """Yield a message and those attached to it, one level deeper each."""
    yield from opening(message.facts(), stack, level)
    yield from body_blocks(message.bodies(), stack, level)
    page = message.html().lower()
    for attachment in message.attachments():
        content_id = attachment.text(_CONTENT_ID).lower()
        if content_id and f"cid:{content_id}" in page:
            continue
        if attachment.has(_EMBEDDED):
            if level < MAX_NESTING:
                inner = _Message(message.file, (*attachment.path, f"__substg1.0_{_EMBEDDED}"), "embedded")
                yield from _read(inner, attacher, stack, level + 1)
        elif attachment.has(_DATA):
            name = next(filter(None, map(attachment.text, _NAMES)), "attachment")
            attacher.add(name, [attachment.stream(_DATA)])


@dataclass(frozen=True, slots=True)
class _Storage:
    """A storage of properties: a message or an attachment."""

    file: olefile.OleFileIO[Any]
    path: tuple[str, ...]
    kind: str

    def has(self, tag: str) -> bool:
        """Return whether there is a stream or storage for a property, its type included."""
        return bool(self.file.exists([*self.path, f"__substg1.0_{tag}"]))

    def stream(self, tag: str) -> bytes:
        """Return the bytes of a property, b"" where there is none."""
        if not self.has(tag):
            return b""
        with self.file.openstream([*self.path, f"__substg1.0_{tag}"]) as stream:
            return bytes(stream.read())

    def fixed(self) -> Mapping[int, bytes]:
        """Return the properties of eight bytes by tag."""
        name = [*self.path, "__properties_version1.0"]
        if not self.file.exists(name):
            return {}
        data = self.file.openstream(name).read()
        start = _HEADERS[self.kind]
        rows = (data[at : at + 16] for at in range(start, len(data) - 15, 16))
        return {struct.unpack_from("<I", row)[0]: row[8:] for row in rows}

    def text(self, number: str) -> str:
        """Return a text property on one line; old messages hold it in a code page."""
        return one_line(self.long_text(number))

    def long_text(self, number: str) -> str:
        """Return a text property with its line ends."""
        wide = self.stream(f"{number}001F")
        if wide:
            return wide[:MAX_BODY_BYTES].decode("utf-16-le", "replace").rstrip("\0")
        narrow = self.stream(f"{number}001E")[:MAX_BODY_BYTES].rstrip(b"\0")
        return _by_code_page(narrow, self.fixed()) if narrow else ""


class _Message(_Storage):
    """A message, the outer one or one that is attached."""

    def facts(self) -> Mapping[str, str]:
        """Return who wrote what to whom and when."""
        name = next(filter(None, map(self.text, _SENDER)), "")
        address = next((found for found in map(self.text, _ADDRESSES) if "@" in found), "")
        sender = f"{name} <{address}>" if name and address and name != address else name or address
        found = {"from": sender, "to": self.text(_TO), "cc": self.text(_CC), "sent": self._sent()}
        found["subject"] = self.text(_SUBJECT)
        return {key: value for key, value in found.items() if value}

    def _sent(self) -> str:
        fixed = self.fixed()
        for tag in _SENT:
            if tag in fixed:
                ticks = struct.unpack("<Q", fixed[tag])[0]
                try:
                    return (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat(sep=" ", timespec="seconds")
                except OverflowError:
                    continue
        return ""

    def html(self) -> str:
        """Return the HTML body, "" where there is none."""
        return self.long_text(_HTML) or decode_html(self.stream(f"{_HTML}0102")[:MAX_BODY_BYTES])

    def bodies(self) -> Bodies:
        """Return the words of the message in the forms it has them."""
        html = self.html()
        return Bodies(plain=[self.long_text(_BODY)], html=[html] if html.strip() else [])

    def attachments(self) -> Iterator[_Storage]:
        """Yield the attachments that people see."""
        depth = len(self.path)
        names = {entry[depth] for entry in self.file.listdir(streams=True, storages=True) if self._is_below(entry)}
        for name in sorted(names):
            found = _Storage(self.file, (*self.path, name), "attachment")
            if not found.fixed().get(_HIDDEN, b"\0")[0]:
                yield found

    def _is_below(self, entry: list[str]) -> bool:
        depth = len(self.path)
        is_ours = tuple(entry[:depth]) == self.path and len(entry) > depth
        return is_ours and entry[depth].startswith("__attach_version1.0_#")


def _by_code_page(data: bytes, fixed: Mapping[int, bytes]) -> str:
    for tag in _CODE_PAGES:
        page = struct.unpack_from("<I", fixed.get(tag, bytes(8)))[0]
        name = {65001: "utf-8", 936: "gb18030", 54936: "gb18030", 950: "big5", 932: "cp932", 949: "cp949"}.get(page)
        try:
            return data.decode(name or f"cp{page}")
        except (LookupError, UnicodeDecodeError):
            continue
    return decode(data)
