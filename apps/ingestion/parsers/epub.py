"""Reads EPUB books: the chapters in the order of the spine, headings and tables kept."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from apps.ingestion.parsers.archive import Archive
from apps.ingestion.parsers.cleaning import language_of, one_line
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.html import decode_html, read_page
from apps.ingestion.parsers.types import Refused, Task
from apps.ingestion.parsers.xml import name_of, source_of
from apps.ingestion.parsers.xml_stream import root_of
from apps.libraries.types import Block, ParsedDocument

CONTAINER = "META-INF/container.xml"
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # scrambled fonts lock nothing
_FACTS = {"creator": "author", "publisher": "publisher", "date": "created", "language": "language", "identifier": "id"}


@dataclass(frozen=True, slots=True)
class _Package:
    """What the book's package file says: where its chapters are, in order, and what it says of itself."""

    chapters: tuple[str, ...]
    title: str
    facts: dict[str, str]


def parse(task: Task) -> ParsedDocument:
    """Return a book's blocks. Raises Refused("encrypted") for one with digital rights management."""
    archive = Archive(task.path)
    _check_locks(archive, task)
    package = _package(archive, task)
    stack = HeadingStack()
    blocks: list[Block] = []
    characters = 0
    for done, chapter in enumerate(package.chapters, 1):
        found = read_page(decode_html(archive.read(chapter)), stack).blocks
        blocks += found
        characters += sum(len(block.text) for block in found)
        if characters > task.limits.max_chars:
            raise Refused("too-much-text", limit=task.limits.max_chars)
        task.report(done, len(package.chapters))
    if not blocks:
        raise Refused("empty")
    language = language_of([block.text for block in blocks[:400]])
    return ParsedDocument(tuple(blocks), title=package.title, language=language, facts=package.facts)


def _check_locks(archive: Archive, task: Task) -> None:
    """Raise Refused when chapters are encrypted; scrambled fonts are none of our business."""
    root = _xml(archive, "META-INF/encryption.xml", task)
    if root is None:
        return
    methods = [str(element.get("Algorithm", "")) for element in root.iter() if name_of(element) == "EncryptionMethod"]
    if any(not method.startswith(_FONTS) for method in methods):
        raise Refused("encrypted")


def _package(archive: Archive, task: Task) -> _Package:
    container = _xml(archive, CONTAINER, task)
    places = [str(e.get("full-path", "")) for e in _all(container, "rootfile")] if container is not None else []
    place = next((name for name in places if name in archive.names), None) or next(
        (name for name in archive.names if name.endswith(".opf")), ""
    )
    root = _xml(archive, place, task)
    if root is None:
        raise Refused("broken", reason="no package")
    folder = posixpath.dirname(place)
    manifest = {str(item.get("id")): item for item in _all(root, "item")}
    spine = [manifest[ref] for ref in (str(e.get("idref")) for e in _all(root, "itemref")) if ref in manifest]
    chapters = [item for item in spine or manifest.values() if item.get("media-type") in _CHAPTERS]
    names = (posixpath.normpath(posixpath.join(folder, unquote(str(item.get("href", ""))))) for item in chapters)
    facts: dict[str, str] = {}
    for name, key in _FACTS.items():
        values = [one_line("".join(map(str, element.itertext()))) for element in _all(root, name)]
        if any(values):
            facts[key] = ", ".join(filter(None, values))[:500]
    title = next((one_line("".join(map(str, e.itertext()))) for e in _all(root, "title")), "")
    return _Package(tuple(name for name in names if name in archive.names), title[:300], facts)


def _xml(archive: Archive, name: str, task: Task) -> etree._Element | None:
    """Return the root of a part; books name document types, which are set aside and never loaded."""
    return root_of(source_of(archive.read(name), task.limits.max_chars), name, is_lenient=True)


def _all(root: etree._Element, name: str) -> Iterator[etree._Element]:
    return (element for element in root.iter() if name_of(element) == name)
