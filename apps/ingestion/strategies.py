"""Cuts a parsed document by a library's rule; what a strategy does not take is cut by structure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from apps.ingestion.anchors import NO_ANCHORS, Anchors
from apps.ingestion.chunking import Rule
from apps.ingestion.pairs import pairs_of, rows_of
from apps.ingestion.splitting import Plan, Span, common_path
from apps.libraries.types import ChunkDraft, ParsedDocument, SectionDraft
from apps.runtimes.contracts import Tokenizer

HALF = 0.5  # a parent may end before another section from here on
FEW = 0.2  # and before another chapter from here on


@dataclass(frozen=True, slots=True)
class Cut:
    """The chunks of a document in order, and the sections that are read in place of some of them."""

    chunks: tuple[ChunkDraft, ...]
    sections: tuple[SectionDraft, ...] = ()


def cut(parsed: ParsedDocument, rule: Rule, *, title: str, tokenizer: Tokenizer, anchors: Anchors = NO_ANCHORS) -> Cut:
    """Return the document's chunks by a rule; each fits the model. `anchors`: where an earlier version was cut."""
    plan = Plan(parsed.blocks, title, tokenizer, anchors)
    if rule.strategy == "whole":
        return Cut(tuple(plan.drafts(_whole(plan, rule))))
    taken: Sequence[Span] = ()
    if rule.strategy == "row":
        taken = rows_of(plan.blocks, plan.starts, are_records=bool(parsed.facts.get("records")))
    elif rule.strategy == "qa":
        taken = pairs_of(plan.blocks, plan.starts)
    chunks = plan.drafts(plan.spans(rule.target_tokens, rule.overlap_tokens, taken))
    return with_parents(chunks, plan, rule) if rule.strategy == "parent_child" else Cut(tuple(chunks))


def _whole(plan: Plan, rule: Rule) -> list[Span]:
    """Return the document as one span if the model can read it, else as few as possible."""
    span = Span(0, len(plan.text), _shared_path(plan))
    if plan.text.strip() and plan.fits(span):
        return [span]
    return plan.spans(plan.limit, rule.overlap_tokens)


def _shared_path(plan: Plan) -> tuple[str, ...]:
    path = plan.blocks[0].heading_path if plan.blocks else ()
    for block in plan.blocks:
        path = common_path(path, block.heading_path)
    return path


def with_parents(chunks: Sequence[ChunkDraft], plan: Plan, rule: Rule) -> Cut:
    """Group neighbouring chunks into sections of at most `parent_tokens`; headings end those that are full enough."""
    sections: list[SectionDraft] = []
    children: list[ChunkDraft] = []
    for group in _groups(chunks, rule.parent_tokens):
        ordinal = len(sections)
        sections.append(_section(ordinal, group, plan.text))
        children += [replace(child, section=ordinal) for child in group]
    return Cut(tuple(children), tuple(sections))


def _groups(chunks: Sequence[ChunkDraft], most: int) -> Iterator[list[ChunkDraft]]:
    group: list[ChunkDraft] = []
    tokens = 0
    for chunk in chunks:
        if group and (tokens + chunk.tokens > most or _is_elsewhere(group, chunk, tokens / most)):
            yield group
            group, tokens = [], 0
        group.append(chunk)
        tokens += chunk.tokens
    if group:
        yield group


def _is_elsewhere(group: Sequence[ChunkDraft], chunk: ChunkDraft, filled: float) -> bool:
    """Return whether another section begins and the group is full enough to end."""
    before, path = group[-1].heading_path, chunk.heading_path
    if before == path:
        return False
    return filled >= (HALF if common_path(before, path) else FEW)


def _section(ordinal: int, group: Sequence[ChunkDraft], text: str) -> SectionDraft:
    first = group[0]
    path = first.heading_path
    for child in group:
        path = common_path(path, child.heading_path)
    begin, end = first.char_from, max(child.char_to for child in group)
    prefix = first.text[: len(first.text) - (first.char_to - first.char_from)]  # the head of a cut table
    pages = [page for child in group for page in (child.page_from, child.page_to) if page is not None]
    return SectionDraft(
        ordinal=ordinal,
        text=prefix + text[begin:end] if first.text.endswith(text[begin : first.char_to]) else text[begin:end],
        heading_path=path,
        page_from=min(pages, default=None),
        page_to=max(pages, default=None),
        char_from=begin,
        char_to=end,
    )
