"""Values that travel between ingestion, libraries and rag. Plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

BlockKind = Literal["heading", "text", "list", "code", "table", "caption"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, as fractions 0..1 of its width and height, origin at the top left."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, list item, table or code block in reading order.

    `page` counts from 1 and is None where the format has no pages; `box` is None without a page layout. A heading
    is the last of its own `heading_path`; its `level` counts from 1 as the document has it, and is 0 for other blocks.
    """

    text: str
    kind: BlockKind = "text"
    page: int | None = None
    box: Box | None = None
    heading_path: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser found. `pages` is 0 where the format has no pages."""

    blocks: tuple[Block, ...]
    pages: int = 0
    title: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A chunk before it is stored; fields as in `libraries.models.Chunk`."""

    ordinal: int
    text: str
    tokens: int
    heading_path: tuple[str, ...] = ()
    page_from: int | None = None
    page_to: int | None = None
    boxes: tuple[Box, ...] = field(default=())
    char_from: int = 0
    char_to: int = 0


MAX_TITLE_CHARS = 100
MAX_PATH_CHARS = 160


def whole_text(blocks: Sequence[Block]) -> str:
    """Return the document's text; `char_from` and `char_to` of its chunks are offsets into it."""
    return "\n\n".join(block.text for block in blocks)


def passage_header(title: str, heading_path: Sequence[str]) -> str:
    """Return "title > heading > …" of at most about 260 characters: the place of a passage, told to the indexes.

    The nearest headings say most about a passage, so the outer ones give way first.
    """
    kept: list[str] = []
    room = MAX_PATH_CHARS
    for heading in reversed(heading_path):
        if room <= 0:
            break
        kept.insert(0, heading[:room])
        room -= len(heading) + 3
    return " > ".join(part for part in (title[:MAX_TITLE_CHARS], *kept) if part)


def passage_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """Return what the indexes see of a chunk: its place in the document, then its text."""
    header = passage_header(title, heading_path)
    return f"{header}\n{text}" if header else text
