"""Cuts a parsed document into chunks that follow its structure and fit the embedding model.

The text is first cut into atoms (sentences, table rows, lines of code), which are counted in one go; chunks are runs
of atoms of one section. Time is linear in the length of the text, whatever it holds.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from apps.ingestion.atoms import cut_middle, document_atoms, table_header
from apps.libraries.types import Block, Box, ChunkDraft, ParsedDocument, passage_text, whole_text
from apps.runtimes.contracts import Tokenizer

RESERVED_TOKENS = 8  # [CLS], [SEP] and the prefix "passage: " of e5, with room to spare
MIN_BUDGET_TOKENS = 16
TINY_PART = 0.2  # a section below this part of the target joins its neighbour
FULL_PART = 0.6  # a chunk may end at a paragraph's end from here on
SOLID_PART = 0.25  # and before a table or code that would not fit whole, from here on
TAIL_PART = 0.25  # a rest below this part joins the chunk before it
_BATCH = 4_096


@dataclass(frozen=True, slots=True)
class _Section:
    """Atoms `first` to `last` (excluded) that stand under one heading path."""

    path: tuple[str, ...]
    first: int
    last: int
    is_heading_only: bool


@dataclass(frozen=True, slots=True)
class _Span:
    """A chunk to be: characters of the whole text, with the rows that a cut table repeats."""

    start: int
    end: int
    path: tuple[str, ...]
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class _Size:
    """What chunks of one section may hold, in tokens without the header."""

    target: int
    limit: int
    overlap: int


def split(
    parsed: ParsedDocument, *, title: str, tokenizer: Tokenizer, target_tokens: int, overlap_tokens: int
) -> list[ChunkDraft]:
    """Return the chunks in order, numbered from 0.

    `passage_text(title, heading_path, text)` of each fits the model with its special tokens and prefix.
    """
    text = whole_text(parsed.blocks)
    plan = _Plan(parsed.blocks, text, title, tokenizer)
    spans = plan.spans(target_tokens, overlap_tokens)
    return plan.drafts(plan.fitted(spans))


class _Plan:
    """One document on its way from blocks to chunks."""

    def __init__(self, blocks: Sequence[Block], text: str, title: str, tokenizer: Tokenizer) -> None:
        self._blocks = blocks
        self._text = text
        self._title = title
        self._tokenizer = tokenizer
        self._starts = list(accumulate((len(block.text) + 2 for block in blocks), initial=0))[:-1]
        self._atoms = document_atoms(blocks, self._starts)
        counts = self._count([text[atom.start : atom.end] for atom in self._atoms])
        self._sums = list(accumulate(counts, initial=0))
        self._headers: dict[tuple[str, ...], int] = {}

    def _count(self, texts: Sequence[str]) -> list[int]:
        counts: list[int] = []
        for at in range(0, len(texts), _BATCH):
            counts += self._tokenizer.count(texts[at : at + _BATCH])
        return counts

    def spans(self, target_tokens: int, overlap_tokens: int) -> list[_Span]:
        """Return the chunks' places, each within its section's size."""
        return [
            span
            for section in self._merged(target_tokens)
            for span in self._pack(section, self._size(section.path, target_tokens, overlap_tokens))
        ]

    def _size(self, path: tuple[str, ...], target_tokens: int, overlap_tokens: int) -> _Size:
        """Return how much fits below the header of a path."""
        if path not in self._headers:
            self._headers[path] = self._count([passage_text(self._title, path, "")])[0]
        limit = max(MIN_BUDGET_TOKENS, self._tokenizer.max_tokens - RESERVED_TOKENS - self._headers[path])
        target = min(max(MIN_BUDGET_TOKENS, target_tokens), limit)
        return _Size(target, min(limit, int(target * (1 + TAIL_PART))), min(overlap_tokens, target // 3))

    def _sections(self) -> Iterator[_Section]:
        """Yield runs of atoms whose blocks share a heading path."""
        first = 0
        for at in range(1, len(self._atoms) + 1):
            path = self._path(first)
            if at == len(self._atoms) or self._path(at) != path:
                heading_only = all(self._blocks[atom.block].kind == "heading" for atom in self._atoms[first:at])
                yield _Section(path, first, at, heading_only)
                first = at

    def _path(self, atom: int) -> tuple[str, ...]:
        return self._blocks[self._atoms[atom].block].heading_path

    def _merged(self, target: int) -> list[_Section]:
        """Return the sections, tiny ones joined with a sibling, a lone heading with what it announces."""
        merged: list[_Section] = []
        for section in self._sections():
            joined = self._joined(merged[-1], section, target) if merged else None
            if joined:
                merged[-1] = joined
            else:
                merged.append(section)
        return merged

    def _joined(self, left: _Section, right: _Section, target: int) -> _Section | None:
        """Return both as one section when they belong together and are small enough, else None."""
        left_tokens, right_tokens = (self._sums[part.last] - self._sums[part.first] for part in (left, right))
        announces = left.is_heading_only and right.path[: len(left.path)] == left.path
        if announces and left_tokens <= target // 2:
            return _Section(right.path, left.first, right.last, right.is_heading_only)
        shared = _common(left.path, right.path)
        is_near = len(shared) >= max(len(left.path), len(right.path)) - 1
        is_tiny = min(left_tokens, right_tokens) < target * TINY_PART
        if is_near and is_tiny and left_tokens + right_tokens <= target:
            return _Section(shared, left.first, right.last, is_heading_only=False)
        return None

    def _pack(self, section: _Section, size: _Size) -> Iterator[_Span]:
        """Yield the chunks of a section: as full as the target allows, cut where it hurts least."""
        start, fresh = section.first, section.first
        while fresh < section.last:
            prefix, prefix_tokens = self._prefix(start, size)
            end = self._end(start, fresh, section.last, size.target - prefix_tokens, size.limit - prefix_tokens)
            yield _Span(self._atoms[start].start, self._atoms[end - 1].end, section.path, prefix)
            start, fresh = self._overlapping(start, end, size.overlap), end

    def _end(self, start: int, fresh: int, last: int, target: int, limit: int) -> int:
        """Return the atom after the chunk that begins at `start` and holds at least the atom `fresh`."""
        base = self._sums[start]
        if self._sums[last] - base <= target:
            return last
        end = max(fresh + 1, bisect_right(self._sums, base + target, fresh + 1, last + 1) - 1)
        end = self._best_cut(base, fresh, end, target)
        rest = self._sums[last] - self._sums[end]
        return last if rest < target * TAIL_PART and self._sums[last] - base <= limit else end

    def _best_cut(self, base: int, fresh: int, end: int, target: int) -> int:
        """Return the last good place to cut in (fresh, end]: a paragraph's end where the chunk is full enough."""
        for at in range(end, fresh, -1):
            filled = self._sums[at] - base
            if filled < target * SOLID_PART:
                break
            if not self._ends_block(at) or self._blocks[self._atoms[at - 1].block].kind == "heading":
                continue
            is_solid = at < len(self._atoms) and self._blocks[self._atoms[at].block].kind in {"table", "code"}
            if filled >= target * FULL_PART or is_solid:
                return at
        return self._without_heading(fresh, end)

    def _ends_block(self, at: int) -> bool:
        return at >= len(self._atoms) or self._atoms[at].block != self._atoms[at - 1].block

    def _without_heading(self, fresh: int, end: int) -> int:
        """Return `end`, or an earlier place when a heading would be left alone at the chunk's end."""
        at = end
        while at > fresh + 1 and self._blocks[self._atoms[at - 1].block].kind == "heading":
            at -= 1
        return at if self._blocks[self._atoms[at - 1].block].kind != "heading" else end

    def _overlapping(self, start: int, end: int, overlap: int) -> int:
        """Return where the next chunk begins: some sentences before `end`, never in a table, code or heading."""
        at = end
        while at - 1 > start and self._sums[end] - self._sums[at - 1] <= overlap:
            if self._blocks[self._atoms[at - 1].block].kind not in {"text", "list", "caption"}:
                break
            at -= 1
        return at if end < len(self._atoms) and self._path(at) == self._path(end) else end

    def _prefix(self, start: int, size: _Size) -> tuple[str, int]:
        """Return the header rows for a chunk that begins inside a table, with their tokens."""
        atom = self._atoms[start]
        block = self._blocks[atom.block]
        if block.kind != "table" or atom.start == self._starts[atom.block]:
            return "", 0
        header = table_header(block.text)
        tokens = self._count([header])[0] if header else 0
        return (header + "\n", tokens) if 0 < tokens < size.target // 2 else ("", 0)

    def fitted(self, spans: list[_Span]) -> list[_Span]:
        """Return the spans, those that are too long for the model after all cut in halves."""
        limit = self._tokenizer.max_tokens - RESERVED_TOKENS
        done: list[list[_Span]] = [[span] for span in spans]
        pending = list(range(len(spans)))
        while pending:
            parts = [(at, span) for at in pending for span in done[at]]
            counts = self._count([self._passage(span) for _at, span in parts])
            long = {span for (_at, span), count in zip(parts, counts, strict=True) if count > limit}
            pending = sorted({at for at, span in parts if span in long and span.end - span.start > 1})
            for at in pending:
                done[at] = [half for span in done[at] for half in (self._halves(span) if span in long else [span])]
        return [span for parts_of in done for span in parts_of]

    def _halves(self, span: _Span) -> list[_Span]:
        if span.end - span.start <= 1:
            return [span]
        middle = span.start + cut_middle(self._text[span.start : span.end])
        return [_Span(span.start, middle, span.path, span.prefix), _Span(middle, span.end, span.path, span.prefix)]

    def _passage(self, span: _Span) -> str:
        return passage_text(self._title, span.path, span.prefix + self._text[span.start : span.end])

    def drafts(self, spans: list[_Span]) -> list[ChunkDraft]:
        """Return the finished chunks, without blanks at their ends."""
        trimmed = [span for span in map(self._trimmed, spans) if span.start < span.end]
        texts = [span.prefix + self._text[span.start : span.end] for span in trimmed]
        counts = self._count(texts)
        return [
            self._draft(ordinal, span, text, tokens)
            for ordinal, (span, text, tokens) in enumerate(zip(trimmed, texts, counts, strict=True))
        ]

    def _trimmed(self, span: _Span) -> _Span:
        piece = self._text[span.start : span.end]
        start = span.start + len(piece) - len(piece.lstrip())
        return _Span(start, max(start, span.start + len(piece.rstrip())), span.path, span.prefix)

    def _draft(self, ordinal: int, span: _Span, text: str, tokens: int) -> ChunkDraft:
        first = bisect_right(self._starts, span.start) - 1
        last = bisect_right(self._starts, span.end - 1) - 1
        blocks = self._blocks[first : last + 1]
        pages = [block.page for block in blocks if block.page is not None]
        boxes: list[Box] = [block.box for block in blocks if block.box is not None]
        return ChunkDraft(
            ordinal=ordinal,
            text=text,
            tokens=tokens,
            heading_path=span.path,
            page_from=min(pages, default=None),
            page_to=max(pages, default=None),
            boxes=tuple(dict.fromkeys(boxes)),
            char_from=span.start,
            char_to=span.end,
        )


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shared beginning of two paths."""
    length = next(
        (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    return left[:length]
