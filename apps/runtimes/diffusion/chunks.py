"""Long prompts: token ids in chunks of 75, as AUTOMATIC1111 cuts them. Plain Python.

A text encoder of Stable Diffusion reads 77 tokens: a first one, 75 of text, and a last one. A longer prompt is read in
chunks. Where the cut would fall inside a phrase, what follows the last comma moves on to the next chunk, if that comma
is among the last 20 tokens.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CHUNK_TOKENS = 75
COMMA_BACKTRACK = 20

Token = tuple[int, float]  # id and weight


@dataclass(frozen=True, slots=True)
class Piece:
    """The token ids of a text with one weight. `is_break` ends the chunk, whatever else it says."""

    ids: Sequence[int] = ()
    weight: float = 1.0
    is_break: bool = False


def chunked(pieces: Iterable[Piece], comma: int | None) -> list[list[Token]]:
    """Return the chunks, at least one, each of up to 75 tokens; `comma` is the id of the token for a comma."""
    chunks: list[list[Token]] = [[]]
    for piece in pieces:
        if piece.is_break:
            chunks.append([])
        for number in piece.ids:
            if len(chunks[-1]) == CHUNK_TOKENS:
                chunks.append([] if number == comma else _taken_back(chunks[-1], comma))
            chunks[-1].append((number, piece.weight))
    return chunks


def _taken_back(full: list[Token], comma: int | None) -> list[Token]:
    """Take the unfinished phrase off the end of a full chunk and return it."""
    for start in range(len(full), len(full) - COMMA_BACKTRACK, -1):
        if full[start - 1][0] == comma:
            phrase = full[start:]
            del full[start:]
            return phrase
    return []
