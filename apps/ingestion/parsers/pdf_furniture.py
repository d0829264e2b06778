"""Takes out what repeats at the head and foot of pages: running heads and page numbers."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from statistics import median

from apps.ingestion.parsers.pdf_lines import Edges, Line
from apps.ingestion.parsers.pdf_rules import Table
from apps.ingestion.parsers.turning import shown, turned_size
from apps.libraries.types import Box, PageRead

MIN_PAGES_FOR_FURNITURE = 4
_ZONE = 0.09  # of the page's height, at its top and bottom: where running heads and page numbers stand
_HEAD_SIZE = 1.15  # times the usual font size: a larger line is a chapter's heading at the top of a page
_REPEATED = 3
_REPEATED_SURELY = 5
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")


@dataclass(frozen=True, slots=True)
class Page:
    """The lines of a page. `size` is its width and height in points as shown, `read` tells how it was read.

    The lines of a recognised page lie on the page turned clockwise by `turn` degrees.
    """

    number: int
    size: tuple[float, float]
    lines: list[Line]
    read: PageRead
    turn: int = 0
    tables: tuple[Table, ...] = ()  # ruled ones; their text is not among the lines

    @property
    def held(self) -> tuple[float, float]:
        """Return the size of the page that the lines lie on."""
        return turned_size(self.size, self.turn)

    def box(self, edges: Edges) -> Box:
        """Return a rectangle of the lines' page as a box on the page as shown."""
        width, height = self.size
        x0, y0, x1, y1 = shown(edges, self.size, self.turn) if self.turn else edges
        return Box(self.number, _share(x0 / width), _share(y0 / height), _share(x1 / width), _share(y1 / height))


def _share(part: float) -> float:
    return round(part, 4) if 0.0 <= part <= 1.0 else min(1.0, max(0.0, part))


def without_furniture(pages: list[Page]) -> list[Page]:
    """Return the pages without running heads and page numbers; the first of each is kept, it may tell something.

    Documents of a few pages keep everything: there is too little to tell what repeats.
    """
    if len(pages) < MIN_PAGES_FOR_FURNITURE:
        return pages
    sizes = [line.size for page in pages for line in page.lines]
    largest = median(sizes) * _HEAD_SIZE if sizes else 0.0
    heads = [_heads(page, largest) for page in pages]
    counts = Counter(key for keys in heads for key in set(keys) - {""})
    enough = max(_REPEATED, min(_REPEATED_SURELY, len(pages) // 2))
    repeated = {key for key, count in counts.items() if count >= enough}
    seen: set[str] = set()
    cleaned = []
    for page, keys in zip(pages, heads, strict=True):
        kept = []
        for line, key in zip(page.lines, keys, strict=True):
            if key not in repeated or (key not in seen and key.strip("tb#-–—/.:| ")):
                kept.append(line)
            seen.add(key)
        cleaned.append(replace(page, lines=kept))
    return cleaned


def _heads(page: Page, largest: float) -> list[str]:
    """Return for each line what it looks like as furniture, "" for those that cannot be."""
    height = page.held[1]
    head, foot = _ZONE * height, (1 - _ZONE) * height
    return [
        _furniture(line, head)
        if (line.y0 <= head or line.y1 >= foot) and line.turn == 0 and line.size <= largest
        else ""
        for line in page.lines
    ]


def _furniture(line: Line, head: float) -> str:
    """Return what a line in the head or foot zone looks like with its numbers taken out."""
    return ("t" if line.y0 <= head else "b") + _DIGITS.sub("#", line.text.lower())
