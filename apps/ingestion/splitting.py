"""Cuts a parsed document into chunks that follow its structure and fit the embedding model.

The text is first cut into atoms (sentences, table rows, lines of code), which are counted in one go; chunks are runs
of atoms of one section. Time is linear in the length of the text, whatever it holds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from apps.ingestion.anchors import NO_ANCHORS, Anchors
from apps.ingestion.atoms import cut_middle, document_atoms, table_header
from apps.libraries.types import Block, Box, ChunkDraft, ParsedDocument, passage_text, whole_text
from apps.runtimes.contracts import Tokenizer

RESERVED_TOKENS = 8  # [CLS], [SEP] and the prefix "passage: " of e5, with room to spare
MIN_BUDGET_TOKENS = 16
TINY_PART = 0.2  # a section below this part of the target joins its neighbour
FULL_PART = 0.6  # a chunk may end at a paragraph's end from here on
SOLID_PART = 0.25  # and before a table or code that would not fit whole, or where it ended before, from here on
TAIL_PART = 0.25  # a rest below this part joins the chunk before it
_BATCH = 4_096


@dataclass(frozen=True, slots=True)
class Section:
    """Atoms `first` to `last` (excluded) that stand under one heading path."""

    path: tuple[str, ...]
    first: int
    last: int
    is_heading_only: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk to be: characters of the whole text.

    `prefix` goes before it: the head of a cut table, the question of a cut answer; `repeat` is the prefix of all but
    the first of the pieces that it may have to be cut into. `text` stands for the characters where they are not shown
    as they are (a table's row as a record).
    """

    start: int
    end: int
    path: tuple[str, ...]
    prefix: str = ""
    repeat: str = ""
    text: str = ""
    questions: tuple[str, ...] = ()


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
    plan = Plan(parsed.blocks, title, tokenizer)
    return plan.drafts(plan.spans(target_tokens, overlap_tokens))


class Plan:
    """One document on its way from blocks to chunks."""

    def __init__(
        self, blocks: Sequence[Block], title: str, tokenizer: Tokenizer, anchors: Anchors = NO_ANCHORS
    ) -> None:
        """Cut the document into atoms and count them; chunks end where an earlier version was cut (`anchors`)."""
        self.blocks = blocks
        self.text = whole_text(blocks)
        self.starts = list(accumulate((len(block.text) + 2 for block in blocks), initial=0))[:-1]
        self._title = title
        self._tokenizer = tokenizer
        self._atoms = document_atoms(blocks, self.starts)
        counts = self._count([self.text[atom.start : atom.end] for atom in self._atoms])
        self._sums = list(accumulate(counts, initial=0))
        self._headers: dict[tuple[str, ...], int] = {}
        self._anchors = anchors.places(self.text, self._atoms)

    @property
    def limit(self) -> int:
        """Return how many tokens a passage with its header may have."""
        return self._tokenizer.max_tokens - RESERVED_TOKENS

    def _count(self, texts: Sequence[str]) -> list[int]:
        counts: list[int] = []
        for at in range(0, len(texts), _BATCH):
            counts += self._tokenizer.count(texts[at : at + _BATCH])
        return counts

    def spans(self, target_tokens: int, overlap_tokens: int, taken: Sequence[Span] = ()) -> list[Span]:
        """Return the chunks' places in order: those that are `taken` (in order, on atoms), the rest by structure."""
        sections = self._merged(target_tokens, taken)
        if taken:
            sections, taken = self._with_headings(sections, taken)
        packed = [
            span
            for section in sections
            for span in self._pack(section, self._size(section.path, target_tokens, overlap_tokens))
        ]
        return sorted([*packed, *taken], key=lambda span: (span.start, span.end)) if taken else packed

    def _with_headings(self, sections: list[Section], taken: Sequence[Span]) -> tuple[list[Section], list[Span]]:
        """Return the sections less lone headings before a taken span, which begins with its heading then."""
        alone = {section.last: section for section in sections if section.is_heading_only}
        begins = [atom.start for atom in self._atoms]
        spans: list[Span] = []
        announcing: set[int] = set()
        for span in taken:
            section = alone.get(bisect_left(begins, span.start))
            if section is None or span.path[: len(section.path)] != section.path:
                spans.append(span)
                continue
            announcing.add(section.first)
            spans.append(replace(span, start=begins[section.first]))
        return [section for section in sections if section.first not in announcing], spans

    def _size(self, path: tuple[str, ...], target_tokens: int, overlap_tokens: int) -> _Size:
        """Return how much fits below the header of a path."""
        if path not in self._headers:
            self._headers[path] = self._count([passage_text(self._title, path, "")])[0]
        limit = max(MIN_BUDGET_TOKENS, self.limit - self._headers[path])
        target = min(max(MIN_BUDGET_TOKENS, target_tokens), limit)
        return _Size(target, min(limit, int(target * (1 + TAIL_PART))), min(overlap_tokens, target // 3))

    def _sections(self, taken: Sequence[Span]) -> Iterator[Section]:
        """Yield runs of atoms that nobody has taken and whose blocks share a heading path."""
        for first, last in self._free(taken):
            begin = first
            for at in range(first + 1, last + 1):
                path = self._path(begin)
                if at == last or self._path(at) != path:
                    heading_only = all(self.blocks[atom.block].kind == "heading" for atom in self._atoms[begin:at])
                    yield Section(path, begin, at, heading_only)
                    begin = at

    def _free(self, taken: Sequence[Span]) -> Iterator[tuple[int, int]]:
        """Yield the runs of atoms between the spans."""
        begins = [atom.start for atom in self._atoms]
        first = 0
        for span in taken:
            last = bisect_left(begins, span.start, lo=first)
            if first < last:
                yield first, last
            first = max(first, bisect_left(begins, span.end, lo=last))
        if first < len(self._atoms):
            yield first, len(self._atoms)

    def _path(self, atom: int) -> tuple[str, ...]:
        return self.blocks[self._atoms[atom].block].heading_path

    def _merged(self, target: int, taken: Sequence[Span]) -> list[Section]:
        """Return the sections, tiny ones joined with a sibling, a lone heading with what it announces."""
        merged: list[Section] = []
        for section in self._sections(taken):
            joined = self._joined(merged[-1], section, target) if merged else None
            if joined:
                merged[-1] = joined
            else:
                merged.append(section)
        return merged

    def _joined(self, left: Section, right: Section, target: int) -> Section | None:
        """Return both as one section when they belong together and are small enough, else None."""
        if left.last != right.first or (right.first in self._anchors and not left.is_heading_only):
            return None
        left_tokens, right_tokens = (self._sums[part.last] - self._sums[part.first] for part in (left, right))
        announces = left.is_heading_only and right.path[: len(left.path)] == left.path
        if announces and left_tokens <= target // 2:
            return Section(right.path, left.first, right.last, right.is_heading_only)
        shared = common_path(left.path, right.path)
        is_near = len(shared) >= max(len(left.path), len(right.path)) - 1
        is_tiny = min(left_tokens, right_tokens) < target * TINY_PART
        if is_near and is_tiny and left_tokens + right_tokens <= target:
            return Section(shared, left.first, right.last, is_heading_only=False)
        return None

    def _pack(self, section: Section, size: _Size) -> Iterator[Span]:
        """Yield the chunks of a section: as full as the target allows, cut where it hurts least."""
        start, fresh = section.first, section.first
        while fresh < section.last:
            prefix, prefix_tokens = self._prefix(start, size)
            end = self._end(start, fresh, section.last, size.target - prefix_tokens, size.limit - prefix_tokens)
            yield Span(self._atoms[start].start, self._atoms[end - 1].end, section.path, prefix)
            start, fresh = self._overlapping(start, end, size.overlap), end

    def _end(self, start: int, fresh: int, last: int, target: int, limit: int) -> int:
        """Return the atom after the chunk that begins at `start` and holds at least the atom `fresh`."""
        base = self._sums[start]
        known = self._known_end(base, fresh, last, target, limit)
        if known:
            return known
        if self._sums[last] - base <= target:
            return last
        end = max(fresh + 1, bisect_right(self._sums, base + target, fresh + 1, last + 1) - 1)
        end = self._best_cut(base, fresh, end, target)
        rest = self._sums[last] - self._sums[end]
        return last if rest < target * TAIL_PART and self._sums[last] - base <= limit else end

    def _known_end(self, base: int, fresh: int, last: int, target: int, limit: int) -> int:
        """Return where an earlier version was cut if a chunk may end there, else 0."""
        if not self._anchors:
            return 0
        first = bisect_left(self._sums, base + int(target * SOLID_PART), fresh + 1, last + 1)
        end = bisect_right(self._sums, base + limit, first, last + 1)
        return next((at for at in range(first, min(end, last)) if at in self._anchors), 0)

    def _best_cut(self, base: int, fresh: int, end: int, target: int) -> int:
        """Return the last good place to cut in (fresh, end]: a paragraph's end where the chunk is full enough."""
        for at in range(end, fresh, -1):
            filled = self._sums[at] - base
            if filled < target * SOLID_PART:
                break
            if not self._ends_block(at) or self.blocks[self._atoms[at - 1].block].kind == "heading":
                continue
            is_solid = at < len(self._atoms) and self.blocks[self._atoms[at].block].kind in {"table", "code"}
            if filled >= target * FULL_PART or is_solid:
                return at
        return self._without_heading(fresh, end)

    def _ends_block(self, at: int) -> bool:
        return at >= len(self._atoms) or self._atoms[at].block != self._atoms[at - 1].block

    def _without_heading(self, fresh: int, end: int) -> int:
        """Return `end`, or an earlier place when a heading would be left alone at the chunk's end."""
        at = end
        while at > fresh + 1 and self.blocks[self._atoms[at - 1].block].kind == "heading":
            at -= 1
        return at if self.blocks[self._atoms[at - 1].block].kind != "heading" else end

    def _overlapping(self, start: int, end: int, overlap: int) -> int:
        """Return where the next chunk begins: some sentences before `end`, never in a table, code or heading."""
        at = end
        while at - 1 > start and self._sums[end] - self._sums[at - 1] <= overlap:
            if self.blocks[self._atoms[at - 1].block].kind not in {"text", "list", "caption"}:
                break
            at -= 1
        return at if end < len(self._atoms) and self._path(at) == self._path(end) else end

    def _prefix(self, start: int, size: _Size) -> tuple[str, int]:
        """Return the header rows for a chunk that begins inside a table, with their tokens."""
        atom = self._atoms[start]
        block = self.blocks[atom.block]
        if block.kind != "table" or atom.start == self.starts[atom.block]:
            return "", 0
        header = table_header(block.text)
        tokens = self._count([header])[0] if header else 0
        return (header + "\n", tokens) if 0 < tokens < size.target // 2 else ("", 0)

    def _fitted(self, spans: Sequence[Span]) -> list[Span]:
        """Return the spans, those that are too long for the model after all cut in halves."""
        done: list[list[Span]] = [[span] for span in spans]
        pending = list(range(len(spans)))
        while pending:
            parts = [(at, span) for at in pending for span in done[at]]
            counts = self._count([self._passage(span) for _at, span in parts])
            long = {span for (_at, span), count in zip(parts, counts, strict=True) if count > self.limit}
            pending = sorted({at for at, span in parts if span in long and _is_divisible(span)})
            for at in pending:
                done[at] = [half for span in done[at] for half in (self._halves(span) if span in long else [span])]
        return [span for parts_of in done for span in parts_of]

    def _halves(self, span: Span) -> list[Span]:
        if not _is_divisible(span):
            return [span]
        prefix = span.prefix or span.repeat
        if span.text:
            middle = cut_middle(span.text)
            return [replace(span, text=span.text[:middle]), replace(span, text=span.text[middle:], prefix=prefix)]
        middle = span.start + cut_middle(self.text[span.start : span.end])
        return [replace(span, end=middle), replace(span, start=middle, prefix=prefix)]

    def _passage(self, span: Span) -> str:
        return passage_text(self._title, span.path, self._text_of(span))

    def _text_of(self, span: Span) -> str:
        return span.prefix + (span.text.strip() if span.text else self.text[span.start : span.end])

    def drafts(self, spans: Sequence[Span]) -> list[ChunkDraft]:
        """Return the finished chunks, each within the model's limit, without blanks at their ends."""
        trimmed = [span for span in map(self._trimmed, self._fitted(spans)) if span.start < span.end]
        texts = [self._text_of(span) for span in trimmed]
        counts = self._count(texts)
        return [
            self._draft(ordinal, span, text, tokens)
            for ordinal, (span, text, tokens) in enumerate(zip(trimmed, texts, counts, strict=True))
        ]

    def fits(self, span: Span) -> bool:
        """Return whether the span is one passage for the model."""
        return self._count([self._passage(span)])[0] <= self.limit

    def _trimmed(self, span: Span) -> Span:
        piece = self.text[span.start : span.end]
        start = span.start + len(piece) - len(piece.lstrip())
        return replace(span, start=start, end=max(start, span.start + len(piece.rstrip())))

    def _draft(self, ordinal: int, span: Span, text: str, tokens: int) -> ChunkDraft:
        first = bisect_right(self.starts, span.start) - 1
        last = bisect_right(self.starts, span.end - 1) - 1
        blocks = self.blocks[first : last + 1]
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
            questions=span.questions,
        )


def _is_divisible(span: Span) -> bool:
    return len(span.text) > 1 if span.text else span.end - span.start > 1


def common_path(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shared beginning of two paths."""
    length = next(
        (at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    return left[:length]
