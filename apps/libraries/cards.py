"""Passages as cards: the text with its tables drawn, the figures that stand in it, how often it was cited."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from apps.libraries.models import Chunk, Figure
from apps.libraries.textview import ShownRow, table_rows

_EMPTY_LINES = re.compile(r"\n[ \t]*\n\s*")
Citations = Callable[[Sequence[UUID]], Mapping[UUID, int]]
_counters: list[Citations] = []


def count_citations_by(counter: Citations) -> None:
    """Let an app above this one tell how often passages were cited; it is given ids and returns counts by id."""
    _counters.append(counter)


@dataclass(frozen=True, slots=True)
class CardBlock:
    """A paragraph of plain text, or the rows of a table."""

    text: str
    rows: tuple[ShownRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows of a passage."""

    chunk: Chunk
    blocks: tuple[CardBlock, ...]
    figures: tuple[Figure, ...]
    cited: int

    @property
    def characters(self) -> int:
        """Return the length of the text."""
        return len(self.chunk.text)


def cards(chunks: Sequence[Chunk]) -> list[Card]:
    """Return the cards of some passages of one document; two queries, however many there are."""
    if not chunks:
        return []
    cited = _cited([chunk.pk for chunk in chunks])
    figures = figures_of(chunks)
    return [
        Card(chunk, tuple(text_blocks(chunk.text)), tuple(figures.get(chunk.pk, ())), cited.get(chunk.pk, 0))
        for chunk in chunks
    ]


def card(chunk: Chunk) -> Card:
    """Return one card."""
    return cards([chunk])[0]


def text_blocks(text: str) -> Iterator[CardBlock]:
    """Yield the text's paragraphs and its tables, in order."""
    for is_table, lines in groupby(text.split("\n"), key=lambda line: line.startswith("|")):
        run = "\n".join(lines)
        rows = tuple(table_rows(0, run, None)) if is_table else ()
        if rows:
            yield CardBlock(run, rows)
        else:
            yield from (CardBlock(paragraph) for paragraph in _EMPTY_LINES.split(run.strip()) if paragraph)


def figures_of(chunks: Sequence[Chunk]) -> dict[UUID, list[Figure]]:
    """Return the figures that stand in each passage: by their place in the text, the first passage that holds it."""
    first, last = min(chunk.char_from for chunk in chunks), max(chunk.char_to for chunk in chunks)
    found = Figure.objects.filter(version=chunks[0].version_id, char_at__gte=first, char_at__lte=last)
    placed: dict[UUID, list[Figure]] = {}
    for figure in found.order_by("ordinal"):
        holder = next((c for c in chunks if c.char_from <= figure.char_at <= c.char_to and not _is_page(figure)), None)
        if holder is not None:
            placed.setdefault(holder.pk, []).append(figure)
    return placed


def _is_page(figure: Figure) -> bool:
    """Return whether the figure is the picture of a whole page, as an image document has them."""
    return figure.box == [0, 0, 1, 1]


def _cited(ids: Sequence[UUID]) -> dict[UUID, int]:
    counts: dict[UUID, int] = {}
    for counter in _counters:
        counts.update(counter(ids))
    return counts
