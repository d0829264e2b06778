"""What the drawer shows of a citation: the PDF page, the text around the passage, or the stored copy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from apps.chat.closed import is_closed
from apps.chat.models import Citation
from apps.libraries.models import Document, DocumentVersion
from apps.libraries.reading import load_blocks
from apps.libraries.reads import note_read
from apps.libraries.types import Block
from apps.users.models import User

CONTEXT_CHARS = 4_000  # of text shown before and after a passage
SEPARATOR = 2  # blocks are joined by an empty line in the offsets of a passage

Kind = Literal["pdf", "text", "gone", "closed"]  # gone: the stored copy is left; closed: not shared any more
Span = tuple[int, int]  # offsets in the version's whole text
Rectangle = list[float]  # page, x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one weight: "" around the passage, "passage", or "quote" for the words the answer leans on."""

    weight: str
    text: str


@dataclass(frozen=True, slots=True)
class Extract:
    """A block of the document, cut where the passage and the quote begin and end."""

    kind: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Source:
    """A citation ready to be shown."""

    citation: Citation
    kind: Kind
    position: int  # among the answer's citations, from 1
    total: int
    previous: int | None  # numbers of its neighbours
    following: int | None
    extracts: Sequence[Extract] = ()
    quoted: Sequence[Rectangle] = ()  # where the quote stands on the pages; empty where that is not known
    is_outdated: bool = False  # the document has another version now than the one cited
    is_changed: bool = False  # and the passage is not in it as it was

    @property
    def boxes(self) -> Sequence[Rectangle]:
        """Return what is marked: the quote, else the whole passage."""
        return self.quoted or self.citation.boxes

    @property
    def context(self) -> Sequence[Rectangle]:
        """Return what is marked faintly: the passage around a quote."""
        return self.citation.boxes if self.quoted else ()

    @property
    def page(self) -> int | None:
        """Return the page to open."""
        return int(self.boxes[0][0]) if self.boxes else self.citation.page_from

    @property
    def file_query(self) -> str:
        """Return the query that names the cited version of the document's file."""
        return f"?version={self.citation.version_id}"

    @property
    def quote(self) -> str:
        """Return the words to copy."""
        return self.citation.quote or self.citation.passage


def source_of(user: User, citation: Citation) -> Source:
    """Return the source by the rights of now: nothing of it without them, the stored copy without the document."""
    numbers = list(citation.message.citations.values_list("number", flat=True))
    index = numbers.index(citation.number)
    closed = Citation.objects.filter(is_closed(user), pk=citation.pk).exists()
    version = None if closed else _readable_version(user, citation)
    blocks = load_blocks(version) if version else ()
    quote = _quote_span(blocks, citation)
    is_pdf = version is not None and version.media_type == "application/pdf"
    extracts = [] if is_pdf else list(_extracts(blocks, (citation.char_from, citation.char_to), quote))
    return Source(
        citation=citation,
        kind="closed" if closed else "pdf" if is_pdf else "text" if extracts else "gone",
        position=index + 1,
        total=len(numbers),
        previous=numbers[index - 1] if index else None,
        following=numbers[index + 1] if index + 1 < len(numbers) else None,
        extracts=extracts,
        quoted=_boxes(blocks, quote) if is_pdf else (),
        is_outdated=version is not None and citation.is_replaced,
        is_changed=version is not None and citation.is_changed,
    )


def _readable_version(user: User, citation: Citation) -> DocumentVersion | None:
    version = citation.version
    if version is None or not Document.objects.readable_by(user).filter(pk=version.document_id).exists():
        return None
    note_read(user, version.document)
    return version


def _placed(blocks: Sequence[Block]) -> Iterator[tuple[Block, Span]]:
    """Yield each block with its place in the whole text."""
    start = 0
    for block in blocks:
        yield block, (start, start + len(block.text))
        start += len(block.text) + SEPARATOR


def _quote_span(blocks: Sequence[Block], citation: Citation) -> Span:
    """Return where the quote stands, whatever its white space became; an empty span where it is not found."""
    wanted = "".join(citation.quote.split())
    places: list[int] = []
    letters: list[str] = []
    for block, (start, end) in _placed(blocks):
        if end > citation.char_from and start < citation.char_to:
            inside = [(start + i, letter) for i, letter in enumerate(block.text) if not letter.isspace()]
            places += [place for place, _letter in inside]
            letters += [letter for _place, letter in inside]
    found = "".join(letters).find(wanted) if wanted else -1
    return (places[found], places[found + len(wanted) - 1] + 1) if found >= 0 else (0, 0)


def _boxes(blocks: Sequence[Block], span: Span) -> list[Rectangle]:
    """Return the boxes of the blocks that the span touches; headings only where it touches nothing else."""
    touched = [block for block, (start, end) in _placed(blocks) if start < span[1] and end > span[0] and block.box]
    chosen = [block for block in touched if block.kind != "heading"] or touched
    return [[box.page, box.x0, box.y0, box.x1, box.y1] for block in chosen if (box := block.box)]


def _extracts(blocks: Sequence[Block], passage: Span, quote: Span) -> Iterator[Extract]:
    """Yield the blocks around the passage."""
    for block, (start, end) in _placed(blocks):
        if end > passage[0] - CONTEXT_CHARS and start < passage[1] + CONTEXT_CHARS:
            yield Extract(block.kind, list(_pieces(block.text, start, passage, quote)))


def _pieces(text: str, start: int, passage: Span, quote: Span) -> Iterator[Piece]:
    """Yield the text of a block that begins at `start`, cut where its weight changes."""
    cuts = sorted({0, len(text), *(min(max(place - start, 0), len(text)) for place in (*passage, *quote))})
    for begin, end in pairwise(cuts):
        middle = start + begin
        weight = "quote" if quote[0] <= middle < quote[1] else "passage" if passage[0] <= middle < passage[1] else ""
        yield Piece(weight, text[begin:end])
