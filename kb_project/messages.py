"""Compiles the translation catalogues, `locale/*/LC_MESSAGES/*.po`, without GNU gettext: a fresh machine may lack it.

Usage: python -m kb_project.messages
"""

import ast
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
MAGIC = 0x950412DE  # of GNU's .mo format, little-endian
CONTEXT_MARK = "\x04"  # between a context and its message, as gettext looks it up
HEADER_BYTES = 28


@dataclass(slots=True)
class Entry:
    """One message of a catalogue and its translations (several, where it has plural forms)."""

    context: str | None = None
    message: str = ""
    plural: str | None = None
    translations: dict[int, str] = field(default_factory=dict)
    is_fuzzy: bool = False

    @property
    def is_translated(self) -> bool:
        """Return whether every form has a text that somebody confirmed."""
        return bool(self.translations) and all(self.translations.values()) and not self.is_fuzzy

    @property
    def key(self) -> str:
        """Return the string under which gettext looks the message up."""
        whole = self.message if self.plural is None else f"{self.message}\0{self.plural}"
        return whole if self.context is None else f"{self.context}{CONTEXT_MARK}{whole}"

    @property
    def value(self) -> str:
        """Return the translations as gettext stores them."""
        return "\0".join(self.translations[number] for number in sorted(self.translations))


def read(text: str) -> list[Entry]:
    """Return the entries of a .po file without obsolete ones (`#~`); the one with no message is the header."""
    entries: list[Entry] = []
    for paragraph in text.replace("\r\n", "\n").split("\n\n"):
        lines = [line for line in paragraph.splitlines() if line.strip() and not line.startswith("#~")]
        if any(not line.startswith("#") for line in lines):
            entries.append(_entry(lines))
    return entries


def _entry(lines: list[str]) -> Entry:
    entry = Entry()
    keyword = ""
    for line in lines:
        if line.startswith("#"):
            entry.is_fuzzy |= line.startswith("#,") and "fuzzy" in line
            continue
        if not line.startswith('"'):
            keyword, _, line = line.partition(" ")  # noqa: PLW2901 -- what follows the keyword is a string like the others
        _append(entry, keyword, ast.literal_eval(line))
    return entry


def _append(entry: Entry, keyword: str, text: str) -> None:
    match keyword:
        case "msgctxt":
            entry.context = (entry.context or "") + text
        case "msgid":
            entry.message += text
        case "msgid_plural":
            entry.plural = (entry.plural or "") + text
        case _:
            number = int(keyword[7:-1]) if keyword.startswith("msgstr[") else 0
            entry.translations[number] = entry.translations.get(number, "") + text


def compiled(entries: list[Entry]) -> bytes:
    """Return the bytes of a .mo file: sorted tables of lengths and offsets, then the strings."""
    pairs = sorted((entry.key.encode(), entry.value.encode()) for entry in entries if entry.is_translated)
    count = len(pairs)
    start = HEADER_BYTES + 16 * count
    keys: list[bytes] = []
    values: list[bytes] = []
    blob = bytearray()
    for table, at in ((keys, 0), (values, 1)):
        for pair in pairs:
            table.append(struct.pack("<2I", len(pair[at]), start + len(blob)))
            blob += pair[at] + b"\0"
    header = struct.pack("<7I", MAGIC, 0, count, HEADER_BYTES, HEADER_BYTES + 8 * count, 0, start)
    return header + b"".join(keys) + b"".join(values) + bytes(blob)


def compile_all(locale: Path = BASE_DIR / "locale") -> int:
    """Write a .mo beside each .po that changed since; returns how many were written."""
    written = 0
    for source in sorted(locale.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        content = compiled(read(source.read_text(encoding="utf-8")))
        if not target.exists() or target.read_bytes() != content:
            partial = target.with_suffix(".partial")
            partial.write_bytes(content)
            partial.replace(target)  # a server that starts now reads the old one or the new one, never half of it
            written += 1
    return written


if __name__ == "__main__":
    compile_all()
    sys.exit(0)
