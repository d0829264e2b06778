"""Collects what RTF says into paragraphs, list items and tables."""

from dataclasses import dataclass, field

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line, squeeze
from apps.ingestion.parsers.tables import Cell, grid, markdown
from apps.libraries.types import BlockKind

MAX_CELL_CHARS = 1_000  # a table with a longer cell lays out a page rather than data


@dataclass(slots=True)
class Aside:
    """A note, comment or text box, which follows the paragraph that it hangs on."""

    kind: BlockKind
    parts: list[str] = field(default_factory=list)
    author: str = ""

    @property
    def text(self) -> str:
        """Return the words, after the name of who wrote them."""
        words = squeeze("".join(self.parts))
        return f"{self.author}: {words}" if self.author and words else words


@dataclass(slots=True)
class Paragraph:
    """How the present paragraph is set."""

    level: int = 0  # of a heading, from 1; 0 for none
    is_title: bool = False
    in_table: bool = False
    list_level: int = 0
    is_listed: bool = False


@dataclass(slots=True)
class Edge:
    """How a cell is merged with its neighbours."""

    joins_left: bool = False
    joins_above: bool = False


class Flow:
    """The text of the document, without what hangs on it."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._parts: list[str] = []
        self._cell: list[str] = []
        self._row: list[str] = []
        self._rows: list[list[Cell]] = []
        self._asides: list[Aside] = []
        self.edges: list[Edge] = []
        self.mark: list[str] = []
        self.set = Paragraph()
        self.title = ""

    def write(self, text: str) -> None:
        """Add words to the present paragraph."""
        self._parts.append(text)

    def hang(self, aside: Aside) -> None:
        """Add something that follows the present paragraph, or the table that it stands in."""
        self._asides.append(aside)

    def figure(self, data: bytes) -> None:
        """Add a picture where it stands; one in a table follows it."""
        if not self.set.in_table:
            self.end_paragraph()
        self._builder.figure(data, "")

    def end_paragraph(self) -> None:
        """End a paragraph, of the text or of a cell."""
        text = squeeze("".join(self._parts))
        self._parts.clear()
        mark = one_line("".join(self.mark))
        self.mark.clear()
        if self.set.in_table:
            self._cell.append(f"{mark} {text}".strip() if mark else text)
            return
        self.end_table()
        if text:
            self._paragraph(text, mark)
        self._hang_out()

    def _paragraph(self, text: str, mark: str) -> None:
        level = 1 if self.set.is_title else self.set.level
        if level:
            self.title = self.title or (one_line(text) if self.set.is_title else "")
            has_number = any(char.isdigit() for char in mark)
            self._builder.heading(f"{mark} {text}" if has_number else text, level)
        elif mark or self.set.is_listed:
            shown = mark if any(char.isalnum() for char in mark) else "-"
            self._builder.item(f"{shown} {one_line(text)}", self.set.list_level)
        else:
            self._builder.text(text)

    def end_cell(self) -> None:
        """End a cell of the present row."""
        self.set.in_table = True
        self.end_paragraph()
        self._row.append("\n".join(filter(None, self._cell)))
        self._cell.clear()

    def end_inner_cell(self, ending: str) -> None:
        """End a cell or row of a table within a cell: it is read as words of that."""
        text = squeeze("".join(self._parts))
        self._parts.clear()
        self._cell[-1:] = [f"{self._cell[-1]} {text}".strip()] if self._cell else [text]
        if ending == "row":
            self._cell.append("")

    def end_row(self) -> None:
        """End a row, its cells merged as its definition says."""
        cells: list[Cell] = []
        for at, text in enumerate(self._row):
            edge = self.edges[at] if at < len(self.edges) else Edge()
            if edge.joins_left and cells:
                before = cells[-1]
                cells[-1] = Cell(before.text, before.columns + 1, goes_on=before.goes_on)
            else:
                cells.append(Cell(text, goes_on=edge.joins_above))
        if cells:
            self._rows.append(cells)
        self._row.clear()

    def end_table(self) -> None:
        """Add the table that has ended, if there is one."""
        if self._row:
            self.end_row()
        rows, self._rows = self._rows, []
        if not rows:
            return
        texts, merges = grid(rows)
        is_layout = max(map(len, rows)) <= 1 or any(len(cell) > MAX_CELL_CHARS for row in texts for cell in row)
        if is_layout:
            for text in (cell for row in texts for cell in row if cell):
                self._builder.text(text)
        else:
            self._builder.table(markdown(texts, merges))
        self._hang_out()

    def _hang_out(self) -> None:
        asides, self._asides = self._asides, []
        for aside in asides:
            self._builder.block(aside.text, aside.kind)

    def finish(self) -> None:
        """End what is open."""
        if self.set.in_table and self._parts:
            self.end_cell()
        self.set = Paragraph()
        self.end_paragraph()
