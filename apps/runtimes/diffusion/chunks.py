"""Prompts longer than the text encoder reads: cut into chunks of 75 tokens, as AUTOMATIC1111 does. Plain Python.

Both the engine and the counter of the page cut by it. Source: media.md 2c. BREAK ends a chunk. Where a chunk is full
and a comma stands among its last 20 tokens, what follows that comma moves to the next chunk, so that a phrase is not
cut in two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

CHUNK_TOKENS = 75  # a text encoder of CLIP reads 77: these, one that begins and one that ends
BACKTRACK_TOKENS = 20

Atom = int | tuple[int, ...]  # a token; or several that belong together, such as the vectors of a textual inversion


@dataclass(frozen=True, slots=True)
class WeightedTokens:
    """The tokens of one span of a prompt, without beginning and end; `is_break`: it has none and ends a chunk."""

    ids: Sequence[Atom]
    weight: float = 1.0
    is_break: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """At most 75 tokens and the weight of each; the runtime adds beginning, end and padding (of weight 1)."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TokenCount:
    """What a token counter shows: so many tokens of the room that the chunks have."""

    used: int
    room: int


@dataclass(slots=True)
class _Open:
    """The chunk that is being filled; `comma` is where its last comma stands, -1 for none."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    comma: int = -1


def cut_chunks(
    spans: Iterable[WeightedTokens],
    *,
    comma_id: int,
    size: int = CHUNK_TOKENS,
    backtrack: int = BACKTRACK_TOKENS,
) -> tuple[Chunk, ...]:
    """Return the chunks of a prompt, at least one; an empty prompt has one empty chunk."""
    cutter = _Cutter(comma_id, size, backtrack)
    for span in spans:
        if span.is_break:
            cutter.end_chunk()
            continue
        for atom in span.ids:
            cutter.add(atom, span.weight)
    return cutter.finish()


def count_tokens(chunks: Sequence[Chunk], size: int = CHUNK_TOKENS) -> TokenCount:
    """Return how full the chunks are; one that was ended early, but the last, counts as full."""
    return TokenCount(used=size * (len(chunks) - 1) + len(chunks[-1].ids), room=size * len(chunks))


class _Cutter:
    """Fills one chunk after the other."""

    def __init__(self, comma_id: int, size: int, backtrack: int) -> None:
        self._comma_id = comma_id
        self._size = size
        self._backtrack = backtrack
        self._chunks: list[Chunk] = []
        self._open = _Open()

    def add(self, atom: Atom, weight: float) -> None:
        """Add a token, or several in one piece."""
        ids = (atom,) if isinstance(atom, int) else atom
        if atom == self._comma_id:
            self._open.comma = len(self._open.ids)
        elif self._is_full() and self._is_comma_near():
            self._end_after_comma()
        room = self._size - len(self._open.ids)
        if not room or room < len(ids) <= self._size:
            self.end_chunk()
        for token in ids:  # several that no chunk holds are cut like any others
            if self._is_full():
                self.end_chunk()
            self._open.ids.append(token)
            self._open.weights.append(weight)

    def end_chunk(self) -> None:
        """Close the chunk, however full, and begin the next."""
        self._chunks.append(Chunk(tuple(self._open.ids), tuple(self._open.weights)))
        self._open = _Open()

    def finish(self) -> tuple[Chunk, ...]:
        """Return the chunks."""
        if self._open.ids or not self._chunks:
            self.end_chunk()
        return tuple(self._chunks)

    def _is_full(self) -> bool:
        return len(self._open.ids) >= self._size

    def _is_comma_near(self) -> bool:
        return self._open.comma >= 0 and len(self._open.ids) - self._open.comma <= self._backtrack

    def _end_after_comma(self) -> None:
        """Close the chunk behind its last comma; what followed begins the next one."""
        after = self._open.comma + 1
        moved = _Open(self._open.ids[after:], self._open.weights[after:])
        del self._open.ids[after:], self._open.weights[after:]
        self.end_chunk()
        self._open = moved
