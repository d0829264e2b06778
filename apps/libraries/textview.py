"""A document's text as blocks with the passage marked: for formats that have no pages to show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.libraries.types import Block

JOINER_CHARS = 2  # whole_text joins blocks by an empty line
MAX_CHARS = 200_000  # of one view; a longer text is shown around the passage


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text, marked or not."""

    text: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """One block of the view; `start` and `end` are offsets in the whole text."""

    kind: str
    level: int  # of a heading: 2 to 6
    start: int
    end: int
    pieces: tuple[Piece, ...]

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
    return TextView(
        tuple(_shown(start, block, marked) for start, block in shown),
        is_cut_before=shown[0][0] > 0,
        is_cut_after=shown[-1][0] < placed[-1][0],
    )


def _place(blocks: Sequence[Block]) -> Iterator[tuple[int, Block]]:
    start = 0
    for block in blocks:
        yield start, block
        start += len(block.text) + JOINER_CHARS


def _shown(start: int, block: Block, marked: tuple[int, int] | None) -> ShownBlock:
    level = min(6, max(2, len(block.heading_path) + 1))
    return ShownBlock(block.kind, level, start, start + len(block.text), tuple(_pieces(start, block.text, marked)))


def _pieces(start: int, text: str, marked: tuple[int, int] | None) -> Iterator[Piece]:
    if marked is None:
        yield Piece(text)
        return
    from_, to = (min(len(text), max(0, offset - start)) for offset in marked)
    for piece in (Piece(text[:from_]), Piece(text[from_:to], is_marked=True), Piece(text[to:])):
        if piece.text:
            yield piece
