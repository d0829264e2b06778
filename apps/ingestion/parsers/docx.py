"""Reads Word documents (OOXML, transitional and strict) straight from their XML.

Tracked changes are read as accepted. Headers and footers are not content; text boxes and notes follow the paragraph
that holds them.
"""

import re
from collections.abc import Iterator

from lxml import etree

from apps.ingestion.parsers.archive import Archive
from apps.ingestion.parsers.cleaning import language_of, one_line, squeeze, table_markdown
from apps.ingestion.parsers.docx_styles import Listing, Numbering, Styles, child, local, number, value
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument

MAX_CELL_CHARS = 1_000  # a table with a longer cell lays out a page rather than data
_MAIN = re.compile(r"word/document\d*\.xml")
_GONE = frozenset(
    [
        "del",
        "moveFrom",
        "instrText",
        "delText",
        "delInstrText",
        "pPr",
        "rPr",
        "sdtPr",
        "tcPr",
        "trPr",
        "tblPr",
        "fldChar",
        "annotationRef",
    ]
)
_SPACES = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote"}
_WRAPPERS = frozenset(["sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "body"])


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a Word document."""
    archive = Archive(task.path)
    main = next((name for name in archive.names if _MAIN.fullmatch(name)), "")
    root = archive.xml(main)
    body = child(root, "body")
    if body is None:
        raise Refused("broken", reason="no body")
    reader = _Reader(archive)
    blocks = tuple(reader.read(body))
    if not blocks:
        raise Refused("empty")
    return ParsedDocument(blocks, title=reader.title, language=language_of([block.text for block in blocks[:400]]))


class _Paragraph:
    """The text of a paragraph, with what hangs on it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.boxes: list[etree._Element] = []
        self.notes: list[tuple[str, str]] = []

    @property
    def text(self) -> str:
        """Return the words as they read."""
        return squeeze("".join(self.parts))


class _Reader:
    """Walks the body. Depth is bounded: the XML parser refuses more than 256 levels."""

    def __init__(self, archive: Archive) -> None:
        self._styles = Styles(archive.xml("word/styles.xml"))
        self._numbering = Numbering(archive.xml("word/numbering.xml"))
        self._notes = {kind: _notes(archive.xml(f"word/{kind}s.xml")) for kind in _NOTES.values()}
        self._headings = HeadingStack()
        self._items: list[str] = []
        self.title = ""

    def read(self, container: etree._Element) -> Iterator[Block]:
        """Yield the blocks of the body, a text box or a cell."""
        yield from self._children(container)
        yield from self._finish_list()

    def _children(self, container: etree._Element) -> Iterator[Block]:
        for element in container:
            name = local(element)
            if name == "p":
                yield from self._paragraph(element)
            elif name == "tbl":
                yield from self._finish_list()
                yield from self._table(element)
            elif name in _WRAPPERS:
                yield from self._children(element)

    def _paragraph(self, element: etree._Element) -> Iterator[Block]:
        properties = child(element, "pPr")
        found = gather(element)
        text = found.text
        level = self._styles.heading_level(properties)
        listing = self._styles.listing(properties)
        if text and (level or self._styles.is_title(properties)):
            yield from self._finish_list()
            yield self._heading(text, level, listing)
        elif text and listing:
            self._items.append("  " * listing.level + f"{self._numbering.label(listing)} {text}")
        elif text:
            yield from self._finish_list()
            yield Block(text, heading_path=self._headings.path)
        yield from self._hanging(found)

    def _heading(self, text: str, level: int, listing: Listing | None) -> Block:
        words = one_line(text)
        if not level:
            self.title = self.title or words
        label = self._numbering.label(listing) if listing else "-"
        if label != "-" and not words.startswith(label):
            words = f"{label} {words}"
        return Block(words, "heading", heading_path=self._headings.push(max(1, level), words), level=max(1, level))

    def _hanging(self, found: _Paragraph) -> Iterator[Block]:
        """Yield the text boxes and notes of a paragraph."""
        for box in found.boxes:
            yield from self.read(box)
        for kind, key in found.notes:
            text = self._notes[kind].get(key, "")
            if text:
                yield from self._finish_list()
                yield Block(text, heading_path=self._headings.path)

    def _finish_list(self) -> Iterator[Block]:
        if self._items:
            yield Block("\n".join(self._items), "list", heading_path=self._headings.path)
            self._items.clear()

    def _table(self, table: etree._Element) -> Iterator[Block]:
        rows = [[cell for cell in _flat(row) if local(cell) == "tc"] for row in _flat(table) if local(row) == "tr"]
        texts = [[words for cell in row for words in _cell_texts(cell)] for row in rows]
        is_layout = max((len(row) for row in texts), default=0) <= 1
        if is_layout or any(len(words) > MAX_CELL_CHARS for row in texts for words in row):
            for row in rows:
                for cell in row:
                    yield from self.read(cell)
            return
        text = table_markdown(texts)
        if text:
            yield Block(text, "table", heading_path=self._headings.path)


def _flat(element: etree._Element) -> Iterator[etree._Element]:
    """Yield the children, those of content controls and tracked insertions in their place."""
    for each in element:
        if local(each) in _WRAPPERS:
            yield from _flat(each)
        else:
            yield each


def _cell_texts(cell: etree._Element) -> list[str]:
    """Return a cell's words, followed by "" for each further column that it spans."""
    properties = child(cell, "tcPr")
    merged = child(properties, "vMerge")
    goes_on = merged is not None and value(merged) in {"", "continue"}
    span = min(100, max(1, number(value(child(properties, "gridSpan")), 1)))
    words = "" if goes_on else one_line(" ".join(gather(each).text for each in cell.iter() if local(each) == "p"))
    return [words, *[""] * (span - 1)]


def gather(paragraph: etree._Element) -> _Paragraph:
    """Return what a paragraph says, in the order of its runs; text boxes and notes apart."""
    found = _Paragraph()
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        name = local(element)
        if name == "t":
            found.parts.append(element.text or "")
        elif name in _SPACES:
            found.parts.append(_SPACES[name])
        elif name in _NOTES:
            found.notes.append((_NOTES[name], value(element, "id")))
        elif name == "txbxContent":
            found.boxes.append(element)
        elif name == "AlternateContent":  # the same thing twice: for new and for old readers
            stack += list(element)[:1]
        elif name not in _GONE:
            stack += reversed(element)
    return found


def _notes(root: etree._Element | None) -> dict[str, str]:
    """Return the texts of foot- or endnotes by id; separators have none."""
    texts: dict[str, str] = {}
    for note in root if root is not None else ():
        if value(note, "type") in {"", "normal"}:
            texts[value(note, "id")] = squeeze("\n".join(gather(each).text for each in note if local(each) == "p"))
    return texts
