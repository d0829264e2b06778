"""Makes blocks of the lines of pages: paragraphs, list items, captions and headings, with their boxes."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.pdf_furniture import Page
from apps.ingestion.parsers.pdf_grid import grids_of
from apps.ingestion.parsers.pdf_headings import Placed, levels_of
from apps.ingestion.parsers.pdf_lines import Edges, Line
from apps.ingestion.parsers.pdf_order import Column, columns_of
from apps.ingestion.parsers.pdf_paragraphs import Paragraph, paragraphs_of
from apps.ingestion.parsers.tables import markdown
from apps.libraries.types import Block, BlockKind

MAX_CAPTION_CHARS = 600
WORD = re.compile(r"[^\W\d_]|\d\d")  # a letter or a number: less is a stray mark, or a font without a mapping
_CAPTION = re.compile(r"(?:fig(?:ure|\.)?|table|图|表|圖)\s*\d", re.IGNORECASE)
_JOINED_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PAD = 0.15  # font sizes


def blocks_of(pages: Sequence[Page], outline: dict[tuple[int, str], int]) -> Iterator[Block]:
    """Yield the blocks of pages in reading order; `outline` holds the bookmarks: (page, normal title) -> level."""
    by_number = {page.number: page for page in pages}
    placed = [Placed(page.number, paragraph) for page in pages for paragraph in _flow(page)]
    words = _words(placed)
    stack = HeadingStack()
    for each, level in zip(placed, levels_of(placed, outline), strict=True):
        text = _with_hyphens(each.paragraph, words)
        box = by_number[each.page].box(_edges(each.paragraph))
        if level:
            yield Block(text, "heading", each.page, box, stack.push(level, text), level)
        else:
            yield Block(text, _kind(each.paragraph), each.page, box, stack.path)


def _flow(page: Page) -> list[Paragraph]:
    """Return the paragraphs and tables of a page in reading order."""
    flow = [paragraph for column in columns_of(page.lines) for paragraph in _column_flow(column)]
    for table in page.tables:
        text = markdown(table.rows, table.merges)
        if text:
            paragraph = Paragraph([Line(text, *table.edges, 1.0)], text, is_table=True)
            flow.insert(_place(flow, table.edges), paragraph)
    return flow


def _column_flow(column: Column) -> Iterator[Paragraph]:
    """Yield the paragraphs of a column, and its tables without rules where they stand."""
    grids = grids_of(column.lines)
    rest = list(column.lines)
    for grid in grids:
        taken = {id(line) for line in grid.lines}
        top = min(line.y0 for line in grid.lines)
        above = [line for line in rest if id(line) not in taken and line.y1 <= top + line.size / 2]
        kept = {id(line) for line in above} | taken
        rest = [line for line in rest if id(line) not in kept]
        if above:
            yield from paragraphs_of(Column(tuple(above), column.left, column.right))
        text = markdown(grid.cells)
        yield Paragraph(list(grid.lines), text, is_table=True)
    if rest:
        yield from paragraphs_of(Column(tuple(rest), column.left, column.right) if grids else column)


def _place(flow: Sequence[Paragraph], edges: Edges) -> int:
    """Return where in the flow a table belongs: behind the last paragraph above it in its own column."""
    left, top, right, _bottom = edges
    place = None
    for at, paragraph in enumerate(flow):
        x0, y0, x1, _y1 = _edges(paragraph)
        if x0 < right and x1 > left and y0 < top:
            place = at + 1
    if place is not None:
        return place
    below = [at for at, paragraph in enumerate(flow) if _edges(paragraph)[1] >= top]
    return below[0] if below else len(flow)


def _kind(paragraph: Paragraph) -> BlockKind:
    if paragraph.is_table:
        return "table"
    if paragraph.is_item:
        return "list"
    return "caption" if _CAPTION.match(paragraph.text) and len(paragraph.text) <= MAX_CAPTION_CHARS else "text"


def _words(placed: Sequence[Placed]) -> Counter[str]:
    """Return how often each word occurs, but for documents without parted words, where nobody asks."""
    if not any(each.paragraph.hyphens for each in placed):
        return Counter()
    return Counter(word for each in placed for word in _JOINED_WORD.findall(each.paragraph.text.lower()))


def _with_hyphens(paragraph: Paragraph, words: Counter[str]) -> str:
    """Return the text, with hyphens put back that belong to a word: "dual-encoder", but not "effi-cient".

    What the rest of the document writes decides; else a hyphen before a capital or digit belongs to the word.
    """
    text = paragraph.text
    for at in reversed(paragraph.hyphens):
        left = re.search(r"[^\W\d_]+$", text[max(0, at - 40) : at])
        right = re.match(r"[^\W\d_]+", text[at : at + 40])
        if left is None or right is None:
            text = text[:at] + "-" + text[at:]
            continue
        parted, whole = words[f"{left[0]}-{right[0]}".lower()], words[(left[0] + right[0]).lower()]
        if parted >= whole if parted else right[0][0].isupper() and not left[0].isupper():
            text = text[:at] + "-" + text[at:]
    return text


def _edges(paragraph: Paragraph) -> Edges:
    lines = paragraph.lines
    x0, y0 = min([line.x0 for line in lines]), min([line.y0 for line in lines])
    x1, y1 = max([line.x1 for line in lines]), max([line.y1 for line in lines])
    pad = _PAD * paragraph.size  # glyph boxes are tight
    return x0 - pad, y0 - pad, x1 + pad, y1 + pad
