"""What text documents, sheets and slides of OpenDocument share: the package, its styles, and what paragraphs say."""

import hashlib
import posixpath
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lxml import etree

from apps.ingestion.parsers.archive import Archive
from apps.ingestion.parsers.cleaning import one_line, squeeze
from apps.ingestion.parsers.docx_styles import child, local, number, value
from apps.ingestion.parsers.ooxml import MAX_FACT_CHARS
from apps.ingestion.parsers.tables import Cell, grid, markdown
from apps.ingestion.parsers.types import Refused, Task
from apps.ingestion.parsers.xml_stream import elements, root_of

MAX_REPEAT = 1_000  # cells or rows that a table of a text repeats
MAX_SPACES = 100
_FACTS = {
    "title": "title",
    "initial-creator": "author",
    "creator": "modified_by",
    "subject": "subject",
    "keyword": "keywords",
    "description": "description",
    "creation-date": "created",
    "date": "modified",
}
_SILENT = frozenset(
    [
        *("tracked-changes", "change", "change-start", "change-end", "bookmark", "script", "forms", "sequence-decls"),
        *("hidden-text", "hidden-paragraph", "event-listeners", "table-of-content", "alphabetical-index"),
        "note-citation",
    ]
)
_FRAMES = frozenset(["frame", "custom-shape", "g", "rect", "text-box", "ellipse"])
_SPACES = {"tab": "\t", "line-break": "\n"}
_ROWS = frozenset(["table-header-rows", "table-row-group", "table-rows"])


@contextmanager
def opened(task: Task) -> Iterator["OdfPackage"]:
    """Give the OpenDocument file of a task. Raises Refused, "encrypted" for a locked one without a password."""
    with Path(task.path).open("rb") as file:
        yield OdfPackage(file, task.password)


@dataclass(frozen=True, slots=True)
class _Lock:
    """How a part is enciphered (ODF 1.2 part 3, 4.8)."""

    algorithm: str
    vector: bytes
    salt: bytes
    rounds: int
    start: str
    checksum: bytes
    checksum_kind: str


class OdfPackage:
    """An OpenDocument file. Locked parts are deciphered with the password of the task."""

    def __init__(self, file: IO[bytes], password: str | None) -> None:
        self._archive = Archive(file)
        self._password = password
        self._locks = self._read_locks()
        if self._locks and not self._password:
            raise Refused("encrypted")
        self.styles = Styles()
        for part in ("styles.xml", "content.xml"):
            self.styles.add(self.stream(part), part)

    def _read_locks(self) -> Mapping[str, _Lock]:
        data = self._archive.read("META-INF/manifest.xml")
        if b"encryption-data" not in data:
            return {}
        root = root_of(data, "META-INF/manifest.xml")
        found: dict[str, _Lock] = {}
        for entry in root.iter("{*}file-entry") if root is not None else ():
            told = child(entry, "encryption-data")
            if told is not None:
                found[value(entry, "full-path")] = _lock(told)
        return found

    def read(self, name: str) -> bytes:
        """Return the bytes of a part, b"" if there is none. Raises Refused."""
        data = self._archive.read(name)
        lock = self._locks.get(name)
        return _open(lock, data, self._password or "") if lock and data else data

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a part piece by piece. Raises Refused."""
        if name in self._locks:
            yield self.read(name)
        else:
            yield from self._archive.stream(name)

    def xml(self, name: str) -> etree._Element | None:
        """Return the root of a part, None if there is none. Raises Refused."""
        return root_of(self.read(name), name)

    def spare_bytes(self, name: str) -> bytes:
        """Return the bytes of a part that the document can be read without: b"" where it is broken."""
        try:
            return self.read(posixpath.normpath(name))
        except Refused as refused:
            if refused.code != "broken":
                raise
            return b""

    def body(self, kind: str) -> etree._Element:
        """Return the element that holds the text, the sheets or the slides. Raises Refused."""
        body = child(child(self.xml("content.xml"), "body"), kind)
        if body is None:
            raise Refused("broken", reason="no body")
        return body

    def facts(self) -> dict[str, str]:
        """Return what the document says of itself."""
        data = self.spare_bytes("meta.xml")
        try:
            root = root_of(data, "meta.xml", is_lenient=True)
        except Refused:
            root = None
        facts: dict[str, str] = {}
        for element in root.iter() if root is not None else ():
            name = _FACTS.get(local(element), "")
            words = one_line(element.text or "")[:MAX_FACT_CHARS]
            if name and words:
                facts.setdefault(name, words)
        return facts


def _lock(told: etree._Element) -> _Lock:
    algorithm, derivation = child(told, "algorithm"), child(told, "key-derivation")
    start = value(child(told, "start-key-generation"), "start-key-generation-name")
    try:
        return _Lock(
            algorithm=value(algorithm, "algorithm-name").rpartition("#")[2].lower(),
            vector=b64decode(value(algorithm, "initialisation-vector")),
            salt=b64decode(value(derivation, "salt")),
            rounds=min(1_000_000, number(value(derivation, "iteration-count"))),
            start="sha256" if "sha256" in start.lower() else "sha1",
            checksum=b64decode(value(told, "checksum")),
            checksum_kind=value(told, "checksum-type").rpartition("#")[2].lower(),
        )
    except ValueError as error:
        raise Refused("broken", reason="encryption") from error


def _open(lock: _Lock, data: bytes, password: str) -> bytes:
    """Return a deciphered part. Raises Refused for a wrong password or a cipher that is not known."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415  rare

    if lock.algorithm != "aes256-cbc" or not lock.rounds:
        raise Refused("encrypted")
    start = hashlib.new(lock.start, password.encode(), usedforsecurity=False).digest()
    key = hashlib.pbkdf2_hmac("sha1", start, lock.salt, lock.rounds, 32)
    try:
        plain = Cipher(algorithms.AES(key), modes.CBC(lock.vector)).decryptor().update(data)
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        text = unpacker.decompress(plain, len(data) * 100 + (16 << 20))
    except (ValueError, zlib.error) as error:
        raise Refused("wrong-password") from error
    if unpacker.unconsumed_tail:
        raise Refused("archive-bomb", mib=len(text) >> 20)
    return text


@dataclass(frozen=True, slots=True)
class ListLevel:
    """How a level of a list is marked: a number format ("1", "a", "i" …) with words around, or "" for a bullet."""

    format: str
    prefix: str
    suffix: str
    start: int

    def label(self, count: int) -> str:
        """Return the mark of the item with this number."""
        if not self.format:
            return "-"
        letter = chr(ord("a") + (count - 1) % 26)
        shown = {"a": letter, "A": letter.upper()}.get(self.format, str(count))
        return f"{self.prefix}{shown}{self.suffix}".strip() or "-"


class Styles:
    """What the styles say about paragraphs, lists and tables."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._lists: dict[str, dict[int, ListLevel]] = {}
        self._hidden: set[str] = set()

    def add(self, pieces: Iterator[bytes], part: str) -> None:
        """Take in the styles of a part, as far as they go; the text behind them is not read."""
        for element in elements(pieces, part, ["{*}style", "{*}list-style", "{*}automatic-styles"]):
            name = local(element)
            if name == "automatic-styles" and part == "content.xml":
                return
            if name == "style":
                self._add(element)
            elif name == "list-style":
                self._lists[value(element, "name")] = dict(_list_levels(element))

    def _add(self, element: etree._Element) -> None:
        name = value(element, "name")
        self._parents[name] = value(element, "parent-style-name")
        if value(child(element, "table-properties"), "display") == "false":
            self._hidden.add(name)

    def is_title(self, style: str) -> bool:
        """Return whether a paragraph style is, or comes from, the title's."""
        return style == "Title" or self._parents.get(style, "") == "Title"

    def is_hidden(self, style: str) -> bool:
        """Return whether a table style hides its sheet."""
        return style in self._hidden

    def level(self, style: str, depth: int) -> ListLevel:
        """Return how a level of a list is marked."""
        return self._lists.get(style, {}).get(depth + 1, ListLevel("", "", "", 1))


def _list_levels(style: etree._Element) -> Iterator[tuple[int, ListLevel]]:
    for element in style:
        form = value(element, "num-format") if local(element) == "list-level-style-number" else ""
        suffix = value(element, "num-suffix") or "."
        start = number(value(element, "start-value"), 1)
        yield number(value(element, "level")), ListLevel(form, value(element, "num-prefix"), suffix, start)


@dataclass(slots=True)
class Said:
    """What a paragraph says, and what hangs on it."""

    parts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    frames: list[etree._Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return the words as they read."""
        return squeeze("".join(self.parts))


def gather(paragraph: etree._Element) -> Said:
    """Return what a paragraph says, its notes and its frames apart. Line ends of the XML are blanks."""
    said = Said()
    _walk(paragraph, said)
    return said


def _walk(element: etree._Element, said: Said) -> None:
    """Add an element's words. Depth is bounded: the XML parser refuses more than 256 levels."""
    said.parts.append((element.text or "").replace("\n", " "))
    for each in element:
        name = local(each)
        if name == "s":
            said.parts.append(" " * min(MAX_SPACES, max(1, number(value(each, "c"), 1))))
        elif name in _SPACES:
            said.parts.append(_SPACES[name])
        elif not _set_aside(each, name, said) and name not in _SILENT:
            _walk(each, said)
        said.parts.append((each.tail or "").replace("\n", " "))


def _set_aside(element: etree._Element, name: str, said: Said) -> bool:
    """Keep a note, comment or frame apart from the words around it; return whether it is one."""
    if name == "note":
        said.notes.append(paragraphs_text(child(element, "note-body")))
    elif name == "annotation":
        said.notes.append(annotation(element))
    elif name in _FRAMES:
        said.frames.append(element)
    else:
        return False
    return True


def annotation(element: etree._Element) -> str:
    """Return a comment: "who: what"."""
    who, text = one_line("".join(child_text(element, "creator"))), paragraphs_text(element)
    return f"{who}: {text}" if who and text else text


def child_text(element: etree._Element, name: str) -> str:
    """Return the text of a child, "" if there is none."""
    found = child(element, name)
    return "" if found is None else found.text or ""


def paragraphs_text(element: etree._Element | None) -> str:
    """Return the paragraphs and headings below an element as lines."""
    found = element.iter("{*}p", "{*}h") if element is not None else iter(())
    return "\n".join(text for each in found if (text := gather(each).text))


def table_rows(table: etree._Element) -> Iterator[etree._Element]:
    """Yield the rows of a table, groups and headers resolved."""
    for each in table:
        if local(each) == "table-row":
            yield each
        elif local(each) in _ROWS:
            yield from table_rows(each)


def row_cells(row: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    """Yield the cells of a row that are not covered by others, each with how often it is repeated."""
    for cell in row:
        if local(cell) in {"table-cell", "covered-table-cell"}:
            yield cell, max(1, number(value(cell, "number-columns-repeated"), 1))


def table_text(table: etree._Element) -> str:
    """Return a table of a text or slide as markdown."""
    header = next((each for each in table if local(each) == "table-header-rows"), None)
    rows: list[list[Cell]] = []
    for row in table_rows(table):
        cells: list[Cell] = []
        for cell, times in row_cells(row):
            if local(cell) == "table-cell":
                shown = Cell(
                    paragraphs_text(cell),
                    columns=number(value(cell, "number-columns-spanned"), 1),
                    rows=number(value(cell, "number-rows-spanned"), 1),
                )
                cells += [shown] * min(MAX_REPEAT, times)
        rows += [cells] * min(MAX_REPEAT, max(1, number(value(row, "number-rows-repeated"), 1)))
    texts, merges = grid(rows)
    return markdown(texts, merges, marked_header=len(list(table_rows(header))) if header is not None else 0)
