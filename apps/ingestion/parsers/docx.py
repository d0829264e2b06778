"""Reads Word documents (OOXML, transitional and strict) straight from their XML.

Tracked changes are read as accepted. Headers and footers are not content; text boxes, notes, comments and pictures
follow the paragraph that holds them.
"""

from collections.abc import Iterator, Mapping

from lxml import etree

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line, squeeze
from apps.ingestion.parsers.docx_paragraph import Paragraph, gather
from apps.ingestion.parsers.docx_styles import Listing, Numbering, Styles, child, local, number, value
from apps.ingestion.parsers.drawing import chart, smart_art
from apps.ingestion.parsers.locked import unlocked
from apps.ingestion.parsers.ooxml import Package, reference
from apps.ingestion.parsers.tables import Cell, grid, markdown
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

MAX_CELL_CHARS = 1_000  # a table with a longer cell lays out a page rather than data
_WRAPPERS = frozenset(["sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag", "body"])
_NOTE_PARTS = {"footnotes": "footnote", "endnotes": "endnote", "comments": "comment"}


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a Word document."""
    with unlocked(task) as file:
        package = Package(file)
        main = package.main("word/document.xml")
        body = child(package.xml(main), "body")
        if body is None:
            raise Refused("broken", reason="no body")
        reader = _Reader(package, main, Builder(task))
        reader.read(body)
        return reader.finish()


class _Reader:
    """Walks the body. Depth is bounded: the XML parser refuses more than 256 levels."""

    def __init__(self, package: Package, main: str, builder: Builder) -> None:
        self._package = package
        self._relations = package.telling_relations(main)
        parts = {each.kind: each.target for each in self._relations.values() if not each.is_external}
        folder = main.rpartition("/")[0]
        self._styles = Styles(package.spare_xml(parts.get("styles", f"{folder}/styles.xml")))
        self._numbering = Numbering(package.spare_xml(parts.get("numbering", f"{folder}/numbering.xml")))
        self._notes = {
            kind: _notes(package.spare_xml(parts.get(part, f"{folder}/{part}.xml")))
            for part, kind in _NOTE_PARTS.items()
        }
        self._builder = builder
        self._title = ""

    def finish(self) -> ParsedDocument:
        """Return the document. Raises Refused."""
        self._builder.attach_packages(self._package, self._relations)
        return self._builder.finish(title=self._title, facts=self._package.facts())

    def read(self, container: etree._Element) -> None:
        """Add the blocks of the body, a text box or a cell."""
        self._children(container)
        self._builder.end_list()

    def _children(self, container: etree._Element) -> None:
        for element in container:
            name = local(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name in _WRAPPERS and not _is_contents(element):
                self._children(element)

    def _paragraph(self, element: etree._Element) -> None:
        properties = child(element, "pPr")
        if self._styles.is_contents(properties):
            return
        found = gather(element)
        text = found.text
        level = self._styles.heading_level(properties)
        listing = self._styles.listing(properties)
        if text and (level or self._styles.is_title(properties)):
            self._heading(text, level, listing)
        elif text and listing:
            self._builder.item(f"{self._numbering.label(listing)} {text}", listing.level)
        elif text:
            self._builder.text(text)
        self._hanging(found)

    def _heading(self, text: str, level: int, listing: Listing | None) -> None:
        words = one_line(text)
        if not level:
            self._title = self._title or words
        label = self._numbering.label(listing) if listing else "-"
        if label != "-" and not words.startswith(label):
            words = f"{label} {words}"
        self._builder.heading(words, max(1, level))

    def _hanging(self, found: Paragraph) -> None:
        """Add the drawings, text boxes, notes and comments of a paragraph."""
        for drawing in found.drawings:
            self._drawing(drawing)
        for box in found.boxes:
            self.read(box)
        for kind, key in found.notes:
            note = self._notes[kind].get(key, "")
            if note:
                self._builder.block(note, "note")

    def _drawing(self, drawing: etree._Element) -> None:
        """Add a picture, a chart or a diagram."""
        names = next(drawing.iter("{*}docPr"), None)
        alternative = value(names, "descr") or value(names, "title")
        for element in drawing.iter("{*}chart", "{*}relIds", "{*}blip", "{*}imagedata"):
            name = local(element)
            if name == "chart":
                self._chart(self._part(reference(element)))
            elif name == "relIds":
                root = self._part(reference(element, "dm"))
                self._builder.block(smart_art(root) if root is not None else "", "list")
            elif name == "blip":
                self._picture(reference(element, "embed"), alternative)
            else:
                self._picture(reference(element), value(element, "title") or alternative)

    def _part(self, key: str) -> etree._Element | None:
        target = self._relations.get(key)
        return self._package.spare_xml(target.target) if target and not target.is_external else None

    def _chart(self, root: etree._Element | None) -> None:
        if root is not None:
            title, numbers = chart(root)
            self._builder.block(title, "caption")
            self._builder.table(numbers)

    def _picture(self, key: str, alternative: str) -> None:
        target = self._relations.get(key)
        data = self._package.spare_bytes(target.target) if target and not target.is_external else b""
        self._builder.figure(data, alternative)

    def _table(self, table: etree._Element) -> None:
        """Add a table; one that only lays out the page is read cell by cell."""
        rows = [[cell for cell in _flat(row) if local(cell) == "tc"] for row in _rows(table)]
        cells = [[_cell(cell) for cell in row] for row in rows]
        is_layout = max((len(row) for row in rows), default=0) <= 1
        if is_layout or any(len(cell.text) > MAX_CELL_CHARS for row in cells for cell in row):
            for row in rows:
                for cell in row:
                    self.read(cell)
            return
        texts, merges = grid(cells)
        self._builder.table(markdown(texts, merges, marked_header=_marked(table)))
        for row in rows:
            for cell in row:
                self._hanging_in(cell)

    def _hanging_in(self, cell: etree._Element) -> None:
        """Add what hangs on the paragraphs of a cell behind its table."""
        for paragraph in _paragraphs(cell):
            found = gather(paragraph)
            if found.drawings or found.notes or found.boxes:
                self._hanging(found)


def _is_contents(element: etree._Element) -> bool:
    """Return whether a content control holds the table of contents, which only repeats the headings."""
    gallery = child(child(child(element, "sdtPr"), "docPartObj"), "docPartGallery")
    return value(gallery) == "Table of Contents"


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    """Yield a table's rows, but not those that a tracked change took away."""
    for row in _flat(table):
        if local(row) == "tr" and child(child(row, "trPr"), "del") is None:
            yield row


def _marked(table: etree._Element) -> int:
    """Return how many rows at its top the table marks as its header."""
    count = 0
    for row in _rows(table):
        mark = child(child(row, "trPr"), "tblHeader")
        if mark is None or value(mark) in {"0", "false", "off"}:
            break
        count += 1
    return count


def _flat(element: etree._Element) -> Iterator[etree._Element]:
    """Yield the children, those of content controls and tracked insertions in their place."""
    for each in element:
        if local(each) in _WRAPPERS:
            yield from _flat(each)
        else:
            yield each


def _cell(cell: etree._Element) -> Cell:
    """Return a cell's words, and how it is merged with its neighbours."""
    properties = child(cell, "tcPr")
    merged = child(properties, "vMerge")
    goes_on = merged is not None and value(merged) in {"", "continue"}
    text = "\n".join(words for each in _paragraphs(cell) if (words := gather(each).text))
    return Cell(text, columns=number(value(child(properties, "gridSpan")), 1), goes_on=goes_on)


def _paragraphs(cell: etree._Element) -> Iterator[etree._Element]:
    """Yield the paragraphs of a cell, those of tables in it too, but not those of text boxes."""
    stack = list(reversed(cell))
    while stack:
        element = stack.pop()
        if local(element) == "p":
            yield element
        else:
            stack += reversed(element)


def _notes(root: etree._Element | None) -> Mapping[str, str]:
    """Return the texts of notes or comments by id, after the name of who commented; separators have none."""
    texts: dict[str, str] = {}
    for note in root if root is not None else ():
        if value(note, "type") in {"", "normal"}:
            text = squeeze("\n".join(gather(each).text for each in note if local(each) == "p"))
            who = one_line(value(note, "author"))
            texts[value(note, "id")] = f"{who}: {text}" if who and text else text
    return texts
