"""A document's text as blocks with the passage marked: for formats that have no pages to show."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from apps.libraries.types import Block

JOINER_CHARS = 2  # whole_text joins blocks by an empty line
_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\|[\s:|-]+\|\s*")
MAX_CHARS = 200_000  # of one view; a longer text is shown around the passage


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, marked or not."""

    text: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row of a table; `start` and `end` are offsets in the whole text."""

    cells: tuple[str, ...]
    start: int
    end: int
    is_marked: bool
    is_head: bool


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """A picture of the document; `at` is the offset in the whole text where it stands, sizes are pixels."""

    figure_id: UUID
    at: int
    width: int
    height: int
    caption: str = ""


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """One block of the view; `start` and `end` are offsets in the whole text."""

    kind: str
    level: int  # of a heading: 2 to 6
    start: int
    end: int
    pieces: tuple[Piece, ...]
    rows: tuple[ShownRow, ...] = ()  # of a table
    page: int | None = None  # where a page begins, its number
    figures: tuple[ShownFigure, ...] = ()  # that stand in it

    @property
    def text(self) -> str:
        """Return the whole text of the block."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class TextView:
    """What is shown, and whether text before or after it was left out."""

    blocks: tuple[ShownBlock, ...]
    is_cut_before: bool = False
    is_cut_after: bool = False

    def with_figures(self, figures: Sequence[ShownFigure]) -> "TextView":
        """Return the view with these figures, each at the first block that reaches its offset."""
        first = self.blocks[0].start if self.blocks else 0
        left = deque(sorted((figure for figure in figures if figure.at >= first), key=lambda figure: figure.at))
        blocks = []
        for block in self.blocks:
            here: list[ShownFigure] = []
            while left and left[0].at <= block.end:
                here.append(left.popleft())
            blocks.append(replace(block, figures=tuple(here)) if here else block)
        return replace(self, blocks=tuple(blocks))


def show(
    blocks: Sequence[Block], *, marked: tuple[int, int] | None = None, window: tuple[int, int] | None = None
) -> TextView:
    """Return the blocks that touch `window` (whole-text offsets; None: from the start), at most MAX_CHARS of them."""
    first, last = window or (0, MAX_CHARS)
    last = min(last, first + MAX_CHARS)
    placed = list(_place(blocks))
    shown = [(start, block) for start, block in placed if start <= last and start + len(block.text) >= first]
    if not shown:
        return TextView(())
    pages = [None, *(block.page for _, block in shown)]
    return TextView(
        tuple(_shown(start, block, marked, before) for (start, block), before in zip(shown, pages, strict=False)),
        is_cut_before=shown[0][0] > 0,
        is_cut_after=shown[-1][0] < placed[-1][0],
    )


def _place(blocks: Sequence[Block]) -> Iterator[tuple[int, Block]]:
    start = 0
    for block in blocks:
        yield start, block
        start += len(block.text) + JOINER_CHARS


def _shown(start: int, block: Block, marked: tuple[int, int] | None, page_before: int | None) -> ShownBlock:
    level = min(6, max(2, len(block.heading_path) + 1))
    end = start + len(block.text)
    rows = tuple(table_rows(start, block.text, marked)) if block.kind == "table" else ()
    page = block.page if block.page != page_before else None
    return ShownBlock(block.kind, level, start, end, tuple(_pieces(start, block.text, marked)), rows, page)


def table_rows(start: int, text: str, marked: tuple[int, int] | None) -> Iterator[ShownRow]:
    """Yield the rows of a table in the form `| a | b |`; none where a line has another form, then it shows as text."""
    lines = text.split("\n")
    if not all(line.startswith("|") and line.rstrip().endswith("|") for line in lines):
        return
    has_head = len(lines) > 1 and bool(_RULE.fullmatch(lines[1]))
    for number, line in enumerate(lines):
        end = start + len(line)
        if not _RULE.fullmatch(line):
            cells = tuple(cell.strip().replace("\\|", "|") for cell in _BAR.split(line.strip()[1:-1]))
            is_marked = marked is not None and start < marked[1] and end > marked[0]
            yield ShownRow(cells, start, end, is_marked, is_head=has_head and number == 0)
        start = end + 1


def _pieces(start: int, text: str, marked: tuple[int, int] | None) -> Iterator[Piece]:
    if marked is None:
        yield Piece(text)
        return
    from_, to = (min(len(text), max(0, offset - start)) for offset in marked)
    for piece in (Piece(text[:from_]), Piece(text[from_:to], is_marked=True), Piece(text[to:])):
        if piece.text:
            yield piece
