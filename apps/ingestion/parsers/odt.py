"""Reads OpenDocument texts. Tracked deletions, tables of contents, headers and footers are left out."""

from collections.abc import Iterator

from lxml import etree

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line
from apps.ingestion.parsers.docx_styles import child, local, number, value
from apps.ingestion.parsers.odf import (
    OdfPackage,
    Said,
    annotation,
    child_text,
    gather,
    opened,
    paragraphs_text,
    row_cells,
    table_rows,
    table_text,
)
from apps.ingestion.parsers.types import Task
from apps.ingestion.parsers.xml_stream import root_of
from apps.libraries.types import ParsedDocument

MAX_CELL_CHARS = 1_000  # a table with a longer cell lays out a page rather than data
_CONTAINERS = frozenset(["section", "index-body", "bibliography", "list-header", "numbered-paragraph", "text-box", "g"])
_FRAMES = frozenset(["frame", "custom-shape", "g", "rect", "ellipse"])


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a text."""
    with opened(task) as package:
        reader = Reader(package, Builder(task))
        reader.read(package.body("text"))
        return reader.builder.finish(title=reader.title, facts=package.facts())


class Reader:
    """Walks the body of a text, or a text box of a slide."""

    def __init__(self, package: OdfPackage, builder: Builder) -> None:
        self._package = package
        self._counters: dict[tuple[str, int], int] = {}
        self.builder = builder
        self.title = ""

    def read(self, container: etree._Element) -> None:
        """Add the blocks of a container."""
        for element in container:
            self._element(element, local(element))

    def _element(self, element: etree._Element, name: str) -> None:
        if name in {"h", "p"}:
            self._paragraph(element, is_heading=name == "h")
        elif name == "list":
            self._list(element, "", 0)
            self.builder.end_list()
        elif name == "table":
            self._table(element)
        elif name in _FRAMES:
            self.frame(element)
        elif name == "annotation":
            self.builder.block(annotation(element), "note")
        elif name in _CONTAINERS:
            self.read(element)

    def _paragraph(self, element: etree._Element, *, is_heading: bool) -> None:
        said = gather(element)
        if is_heading:
            self.builder.heading(said.text, number(value(element, "outline-level"), 1))
        elif said.text and self._package.styles.is_title(value(element, "style-name")):
            self.title = self.title or one_line(said.text)
            self.builder.heading(said.text, 1)
        else:
            self.builder.text(said.text)
        self._hanging(said)

    def _hanging(self, said: Said) -> None:
        for note in said.notes:
            self.builder.block(note, "note")
        for frame in said.frames:
            self.frame(frame)

    def _list(self, element: etree._Element, style: str, depth: int) -> None:
        """Add the items of a list as lines. Depth is bounded by the XML parser."""
        style = value(element, "style-name") or style
        level = self._package.styles.level(style, depth)
        if not depth and value(element, "continue-numbering") != "true":
            self._counters.clear()
        for item in element:
            if local(item) not in {"list-item", "list-header"}:
                continue
            key = (style, depth)
            self._counters[key] = number(value(item, "start-value"), self._counters.get(key, level.start - 1) + 1)
            self._item(item, style, depth, level.label(self._counters[key]))
        self._counters = {each: count for each, count in self._counters.items() if each[1] < depth or not depth}

    def _item(self, item: etree._Element, style: str, depth: int, label: str) -> None:
        mark = "" if local(item) == "list-header" else f"{label} "
        for element in item:
            name = local(element)
            if name == "list":
                self._list(element, style, depth + 1)
            elif name == "p":
                said = gather(element)
                if said.text:
                    self.builder.item(f"{mark}{one_line(said.text)}", depth)
                    mark = " " * len(mark)
                self._hanging(said)
            else:
                self._element(element, name)

    def _table(self, table: etree._Element) -> None:
        """Add a table; one that only lays out the page is read cell by cell."""
        cells = [cell for row in table_rows(table) for cell, _times in row_cells(row) if local(cell) == "table-cell"]
        rows = sum(1 for _row in table_rows(table))
        is_long = any(len(paragraphs_text(cell)) > MAX_CELL_CHARS for cell in cells)
        if is_long or len(cells) <= rows:
            for cell in cells:
                self.read(cell)
            return
        self.builder.table(table_text(table))
        for frame in _frames_in(cells):
            self.frame(frame)

    def frame(self, frame: etree._Element) -> None:
        """Add what a frame holds: a text box, a picture, an embedded object, the words in a shape."""
        alternative = " ".join(filter(None, (child_text(frame, "title"), child_text(frame, "desc"))))
        for element in frame:
            name = local(element)
            if name == "image":
                self.builder.figure(self._package.spare_bytes(value(element, "href")), alternative)
                return
            if name == "object" and self._object(value(element, "href")):
                return
            if name == "text-box":
                self.read(element)
        if local(frame) != "frame":
            self.read(frame)

    def _object(self, href: str) -> bool:
        """Add an embedded chart's or formula's words; return whether there were any."""
        data = self._package.spare_bytes(f"{href.removeprefix('./')}/content.xml") if href else b""
        root = root_of(data, href, is_lenient=True)
        if root is None:
            return False
        title = next((paragraphs_text(each) for each in root.iter("{*}title")), "")
        table = next(root.iter("{*}table"), None)
        formula = next((each.text or "" for each in root.iter("{*}annotation")), "")
        self.builder.block(title, "caption")
        self.builder.table(table_text(table) if table is not None else "")
        self.builder.text(formula)
        return bool(title or table is not None or formula)


def _frames_in(cells: list[etree._Element]) -> Iterator[etree._Element]:
    """Yield the pictures in the cells of a table."""
    for cell in cells:
        for frame in cell.iter("{*}frame"):
            if child(frame, "image") is not None:
                yield frame
