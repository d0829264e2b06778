"""Values that travel between ingestion, libraries and rag. Plain Python."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

BlockKind = Literal["heading", "text", "list", "code", "table", "caption", "figure", "note"]
ReadingMethod = Literal["text", "ocr", "empty", "failed"]


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
    The text of a table is always GitHub markdown: a header row, a row of dashes, then one line a row, cells with `|`
    escaped and line ends as `<br>`. A figure's text is its alternative text or what was recognised in it, else "".
    A note is what stands beside the text: speaker notes, comments, footnotes.
    """

    text: str
    kind: BlockKind = "text"
    page: int | None = None
    box: Box | None = None
    heading_path: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that the parser's child left in its result file (`parsers.host.Opened` reads them)."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """A line that OCR read: its place on the upright page, its text, and how sure the model is (0..1)."""

    box: Box
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class PageRead:
    """How one page was read; fields as in `libraries.models.PageReading`."""

    page: int
    method: ReadingMethod
    characters: int = 0
    confidence: float | None = None
    rotation: int = 0
    lines: tuple[RecognisedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class FigureFound:
    """A picture cut out of the document, re-encoded by us; `block` is the index of its place among the blocks."""

    data: Blob
    media_type: str  # image/png or image/jpeg
    width: int
    height: int
    block: int
    page: int | None = None
    box: Box | None = None
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file inside the file: an attachment, or a member of an archive, which becomes a document of its own.

    `folder` is its place inside ("a/b", a label). `data` is None where it is only listed, for the `reason` (a code).
    """

    name: str
    size: int
    data: Blob | None = None
    folder: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser found. `pages` is 0 where the format has no pages.

    `facts` is what the file says of itself (author, subject, from, to, sent, created …), short strings.
    A document whose `attached` files hold everything (an archive) may have no blocks.
    """

    blocks: tuple[Block, ...]
    pages: int = 0
    title: str = ""
    language: str = ""
    page_reads: tuple[PageRead, ...] = ()
    figures: tuple[FigureFound, ...] = ()
    attached: tuple[Attached, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


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
    section: int | None = None  # ordinal of the SectionDraft that is read in its place
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionDraft:
    """A parent before it is stored; fields as in `libraries.models.Section`."""

    ordinal: int
    text: str
    heading_path: tuple[str, ...] = ()
    page_from: int | None = None
    page_to: int | None = None
    char_from: int = 0
    char_to: int = 0


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a version was cut: the digest of the rule (ingestion.chunking), and the parents of its chunks."""

    rule: str = ""
    sections: tuple[SectionDraft, ...] = ()


def text_digest(text: str) -> str:
    """Return SHA-256 in hex of a text: equal digests mean equal vectors by the same model."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def draft_digest(heading_path: Sequence[str], text: str) -> str:
    """Return the digest by which a chunk is known again when its document is split anew."""
    return text_digest("\x1f".join((*heading_path, "\x1e" + text)))


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


def searched_text(text: str, keywords: Sequence[str] = (), questions: Sequence[str] = ()) -> str:
    """Return a chunk's text with what people wrote to have it found: the questions that it answers, and keywords.

    Questions come first, because an embedding model reads no more than its first tokens.
    """
    asked = [question for question in questions if question not in text]  # of a pair the text has its question
    return "\n".join((*asked, text, " ".join(keywords))).strip("\n") if keywords or asked else text


def embedded_text(
    heading_path: Sequence[str], text: str, keywords: Sequence[str] = (), questions: Sequence[str] = ()
) -> str:
    """Return what a chunk's vector is made from. The title is left out: it lowered nDCG on long articles (docs/adr)."""
    return passage_text("", heading_path, searched_text(text, keywords, questions))
