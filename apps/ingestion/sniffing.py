"""Decides what a file is by its bytes. The name is a hint among kinds of text only. Knows no Django."""

import re
import zipfile
from pathlib import Path, PurePath

from apps.ingestion.formats import (
    BINARY_SUFFIXES,
    CODE,
    FOREIGN,
    IMAGES,
    LOCKABLE,
    MEDIA_TYPES,
    OLE_FOREIGN,
    OLE_LOCKED,
    OLE_STREAMS,
    SUFFIXES,
    ZIP_FOREIGN,
    ZIP_MIMETYPES,
    ZIP_PARTS,
)
from apps.ingestion.parsers import ole
from apps.ingestion.parsers.encodings import bom_encoding, decode
from apps.ingestion.parsers.types import Kind, Refused

HEAD_BYTES = 16_384
PDF_WINDOW = 1_024  # ISO 32000 lets a reader look for the header in the first 1,024 bytes
_MAX_LISTED = 10_000  # security-cases row 67
_MIMETYPE_BYTES = 100
_DIB_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes of the headers that a BMP may have
_HTML = re.compile(
    r"^\s*+(?:<!--(?>.*?-->)\s*+|<\?xml[^>]*+>\s*+)*+<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"</?(?:p|div|h[1-6]|table|ul|ol|br|span|a|body|article|section)\b[^>]{0,200}>", re.IGNORECASE)
_XML = re.compile(r"^\s*<(?:\?xml|!doctype|svg|[a-z_][\w.-]*:[a-z])", re.IGNORECASE)
_SVG = re.compile(r"^\s*+(?:<!--(?>.*?-->)\s*+|<\?[^>]*+>\s*+|<!doctype[^>]*+>\s*+)*+<svg\b", re.IGNORECASE | re.DOTALL)
_MBOX = re.compile(r"^From \S+ .{8,60}\d{4}.{0,12}\n[\w-]{2,60}:")
_SRT = re.compile(r"^\s*\d{1,6}\s*\n\s*\d{1,3}:\d\d:\d\d[,.]\d{1,3}\s*-->")
_FIELD = re.compile(r"([A-Za-z][\w-]{1,60}):")
_MAIL_FIELDS = frozenset({"from", "to", "subject", "date", "return-path"})
_SURE_FIELDS = frozenset({"message-id", "mime-version", "received", "snapshot-content-location"})
_ENOUGH_FIELDS = 3
_WEB_ARCHIVE = re.compile(
    r"^(?:snapshot-content-location:|content-type:\s*multipart/related)", re.IGNORECASE | re.MULTILINE
)


def sniff(path: Path, name: str) -> Kind:
    """Return the kind of the file at `path`, which people call `name`. Raises Refused."""
    suffix = PurePath(name).suffix.lower()
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if b"%PDF-" in head[:PDF_WINDOW]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _sniff_zip(path, suffix)
    if head.startswith(ole.MAGIC):
        return _sniff_ole(path, suffix)
    if image_type(head):
        return "image"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    known = next((label for magic, label in FOREIGN if head.startswith(magic)), "")
    if not known and head[4:8] == b"ftyp":
        known = "a video or HEIC picture"
    if known:
        raise _foreign(known, suffix)
    return _sniff_text(head, name, suffix)


def media_type(path: Path, name: str) -> str:
    """Return the media type by content; that of plain bytes for a format that is not read."""
    try:
        kind = sniff(path, name)
    except Refused:
        return "application/octet-stream"
    if kind != "image":
        return MEDIA_TYPES[kind]
    with path.open("rb") as file:
        return image_type(file.read(HEAD_BYTES))


def image_type(head: bytes) -> str:
    """Return the media type of a picture in a format that is read, "" for anything else."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _DIB_HEADERS:
        return "image/bmp"
    return next((kind for magic, kind in IMAGES if head.startswith(magic)), "")


def _foreign(label: str, suffix: str) -> Refused:
    """Return the refusal of a format that is not read; the name may even have promised another."""
    if suffix in SUFFIXES or suffix in CODE:
        return Refused("mislabelled", suffix=suffix, format=label)
    return Refused("unsupported-format", format=label)


def _sniff_zip(path: Path, suffix: str) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            told = _mimetype(archive) if "mimetype" in names[:1] else ""
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, RuntimeError) as error:
        raise Refused("broken", reason="zip") from error
    if len(names) > _MAX_LISTED:
        raise Refused("archive-bomb", entries=len(names))
    if told in ZIP_MIMETYPES:
        return ZIP_MIMETYPES[told]
    for pattern, kind in ZIP_PARTS:
        if any(re.fullmatch(pattern, name) for name in names):
            return kind
    for pattern, label in ZIP_FOREIGN:
        if any(re.fullmatch(pattern, name) for name in names):
            raise _foreign(label, suffix)
    return "zip"


def _mimetype(archive: zipfile.ZipFile) -> str:
    with archive.open("mimetype") as part:
        return part.read(_MIMETYPE_BYTES).decode("ascii", errors="replace").strip()


def _sniff_ole(path: Path, suffix: str) -> Kind:
    """Return the office format before 2007, by the streams in its root, or by their names anywhere in a damaged one."""
    with path.open("rb") as file:
        names = ole.root_names(file)
        file.seek(0)
        data = b"" if names else file.read(4_000_000)

    def has(name: str) -> bool:
        return name in names or name.encode("utf-16-le") in data

    if any(map(has, OLE_LOCKED)):
        hinted = SUFFIXES.get(suffix)
        if hinted in LOCKABLE:  # its parser asks for the password
            return hinted
        raise Refused("encrypted")
    for name, kind in OLE_STREAMS:
        if has(name):
            return kind
    raise _foreign(next((label for name, label in OLE_FOREIGN if has(name)), "an old Office file"), suffix)


def _sniff_text(head: bytes, name: str, suffix: str) -> Kind:
    if not head:
        raise Refused("empty")
    if _is_binary(head):
        raise _foreign("a binary file", suffix)
    if suffix in BINARY_SUFFIXES:
        raise Refused("mislabelled", suffix=suffix, format="text")
    text = decode(_whole_characters(head)).lstrip("\ufeff")
    return _sniff_markup(text, suffix) or _sniff_plain(text, name, suffix)


def _sniff_markup(text: str, suffix: str) -> Kind | None:
    """Return the kind of a text that marks itself as what it is, or that its name calls markup."""
    hinted = SUFFIXES.get(suffix)
    if _SVG.match(text):
        raise _foreign("an SVG picture", suffix if hinted != "xml" else "")
    if hinted in {"mhtml", "eml"} or (hinted in {None, "text"} and suffix not in CODE and _is_mail(text)):
        return _mail_kind(text, hinted)
    if _HTML.match(text) or (hinted == "html" and _TAG.search(text)):
        return "html"
    if _MBOX.match(text.replace("\r\n", "\n")):
        return "mbox"
    if hinted in {"markdown", "rst"}:
        return hinted
    is_xml = _XML.match(text) is not None or (hinted == "xml" and text.lstrip().startswith("<"))
    if is_xml and hinted != "text" and suffix not in CODE:
        return "xml"
    return None


def _sniff_plain(text: str, name: str, suffix: str) -> Kind:
    """Return the kind of a text without markup: records, subtitles, code, else prose."""
    hinted = SUFFIXES.get(suffix)
    if text.startswith("WEBVTT") or _SRT.match(text):
        return "subtitles"
    if hinted in {"json", "jsonl", "csv"}:
        return hinted
    if hinted == "xls":  # programs call their tab-separated exports so
        return "csv" if "\t" in text else "text"
    if suffix in CODE or name.lower() in CODE:
        return "code"
    return "text"


def _mail_kind(text: str, hinted: Kind | None) -> Kind:
    header = re.split(r"\n\r?\n", text, maxsplit=1)[0]
    is_page = _WEB_ARCHIVE.search(header) is not None and (hinted == "mhtml" or "snapshot-content" in header.lower())
    return "mhtml" if is_page or hinted == "mhtml" else "eml"


def _is_mail(text: str) -> bool:
    """Return whether a text begins with the header of an e-mail: known fields, line by line, before a blank line."""
    found: set[str] = set()
    for line in text.splitlines()[:200]:
        if line[:1] in {" ", "\t"} and found:
            continue
        field = _FIELD.match(line)
        if field is None:
            break
        found.add(field[1].lower())
    known = found & (_MAIL_FIELDS | _SURE_FIELDS)
    return len(known) >= _ENOUGH_FIELDS or bool(known & _SURE_FIELDS)


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
