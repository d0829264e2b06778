"""Decides what a file is by its bytes. The name is a hint among kinds of text only. Knows no Django."""

import re
import zipfile
from pathlib import Path, PurePath

from apps.ingestion.parsers.encodings import bom_encoding, decode
from apps.ingestion.parsers.types import Kind, Refused

HEAD_BYTES = 16_384
PDF_WINDOW = 1_024  # ISO 32000 lets a reader look for the header in the first 1,024 bytes
MEDIA_TYPES: dict[Kind, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "markdown": "text/markdown",
    "html": "text/html",
    "text": "text/plain",
}
_SUFFIXES = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
}
_SUFFIXES |= {".xhtml": "html", ".txt": "text", ".text": "text", ".log": "text"}
_BINARY_SUFFIXES = frozenset(
    [
        ".doc",
        ".xls",
        ".xlsx",
        ".ppt",
        ".pptx",
        ".odt",
        ".ods",
        ".odp",
        ".epub",
        ".zip",
        ".7z",
        ".rar",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".mp3",
        ".mp4",
    ]
)
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a WebP, WAV or AVI file"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"ID3", "an MP3 file"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"\x1aE\xdf\xa3", "a Matroska video"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%!PS", "PostScript"),
    (b"{\\rtf", "RTF"),
    (b"AT&TFORM", "DjVu"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_OOXML = "EncryptedPackage".encode("utf-16-le")
_OFFICE = (
    ("xl/", "an Excel workbook"),
    ("ppt/", "a PowerPoint presentation"),
    ("META-INF/container.xml", "an EPUB book"),
    ("content.xml", "an OpenDocument file"),
)
_MAX_LISTED = 10_000  # security-cases row 67
_HTML = re.compile(
    r"^\s*+(?:<!--(?>.*?-->)\s*+|<\?xml[^>]*+>\s*+)*+<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"</?(?:p|div|h[1-6]|table|ul|ol|br|span|a|body|article|section)\b[^>]{0,200}>", re.IGNORECASE)
_XML = re.compile(r"^\s*<(?:\?xml|!doctype|svg|[a-z_][\w.-]*:[a-z])", re.IGNORECASE)
_MAIL = re.compile(r"^(?:[\w-]{2,40}:[^\n]*\n(?:[ \t][^\n]*\n)*){0,60}?(?:mime-version|message-id):", re.IGNORECASE)


def sniff(path: Path, name: str) -> Kind:
    """Return the kind of the file at `path`, which people call `name`. Raises Refused."""
    suffix = PurePath(name).suffix.lower()
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if b"%PDF-" in head[:PDF_WINDOW]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(path, suffix)
    if head.startswith(_OLE):
        raise _ole(path, suffix)
    known = next((label for magic, label in _MAGIC if head.startswith(magic)), "")
    if not known and head[4:8] == b"ftyp":
        known = "a video or HEIC picture"
    if known:
        raise _foreign(known, suffix)
    return _sniff_text(head, suffix)


def _foreign(label: str, suffix: str) -> Refused:
    """Return the refusal of a format that is not read; the name may even have promised another."""
    if suffix in _SUFFIXES:
        return Refused("mislabelled", suffix=suffix, format=label)
    return Refused("unsupported-format", format=label)


def _sniff_zip(path: Path, suffix: str) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise Refused("broken", reason="zip") from error
    if len(names) > _MAX_LISTED:
        raise Refused("archive-bomb", entries=len(names))
    if any(re.fullmatch(r"word/document\d*\.xml", name) for name in names):
        return "docx"
    for start, label in _OFFICE:
        if any(name.startswith(start) for name in names):
            raise _foreign(label, suffix)
    raise _foreign("a zip archive", suffix)


def _ole(path: Path, suffix: str) -> Refused:
    """Return the refusal of an OLE file: encrypted OOXML, or the office formats before 2007."""
    with path.open("rb") as file:
        directory = file.read(4_000_000)
    if _ENCRYPTED_OOXML in directory:
        return Refused("encrypted")
    if suffix in _SUFFIXES:
        return Refused("mislabelled", suffix=suffix, format="an old Office file")
    return Refused("unsupported-format", format="an old Office file")


def _sniff_text(head: bytes, suffix: str) -> Kind:
    if not head:
        raise Refused("empty")
    if _is_binary(head):
        raise _foreign("a binary file", suffix)
    if suffix in _BINARY_SUFFIXES:
        raise Refused("mislabelled", suffix=suffix, format="text")
    return _sniff_markup(decode(_whole_characters(head)), suffix)


def _sniff_markup(text: str, suffix: str) -> Kind:
    hinted = _SUFFIXES.get(suffix)
    if _HTML.match(text) or (hinted == "html" and _TAG.search(text)):
        return "html"
    if hinted == "markdown":
        return "markdown"
    if _MAIL.match(text):
        raise _foreign("an e-mail", suffix)
    if _XML.match(text) and hinted != "text":
        raise _foreign("XML", suffix)
    return "text"


def _whole_characters(head: bytes) -> bytes:
    """Return the head without the character that its end may have cut in two."""
    if len(head) < HEAD_BYTES or bom_encoding(head):
        return head
    cut = head.rfind(b"\n")
    return head[:cut] if cut > HEAD_BYTES // 2 else head


def _is_binary(head: bytes) -> bool:
    """Return whether more than a twentieth are bytes that no text has, or more than a tenth are NULs.

    A few NULs are no reason to refuse a text; UTF-16 without a mark is full of them, but then in its pattern.
    """
    if bom_encoding(head):
        return False
    controls = sum(head.count(bytes((byte,))) for byte in (*range(1, 7), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F))
    if controls * 20 <= len(head) and head.count(0) * 10 <= len(head):
        return False
    text = decode(head[: len(head) // 4 * 4])
    return sum(not char.isprintable() and char not in "\n\r\t\f" for char in text) * 20 > len(text)
