"""Tells headings from paragraphs by the outline, by size and weight, and by their numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from apps.ingestion.parsers.pdf_paragraphs import Paragraph
from apps.ingestion.parsers.text import heading_level

MAX_LINES = 3
MAX_CHARS = 160
MAX_BOLD_CHARS = 100
MAX_LISTED_CHARS = 400
_LARGER = 1.12  # times the size of the body's text
_MAX_SHARE = 0.4  # if more of a document's text looks like headings, weight means nothing there
_NUMBER = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){0,4}|[IVX]{1,5}\.|[A-Z]\.)\.?\s+\S")
_DIGITS = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,4})\.?\s")
_UNLIKELY_ENDS = tuple(",，;；。、")
_WORDLESS = re.compile(r"[\W\d_]*$")

Style = tuple[float, bool]


@dataclass(frozen=True, slots=True)
class Placed:
    """A paragraph with the number of its page, from 1."""

    page: int
    paragraph: Paragraph


def normal(text: str) -> str:
    """Return a title without what an outline may write differently: case, blanks, punctuation."""
    return re.sub(r"[\W_]+", "", text).lower()


def levels_of(placed: Sequence[Placed], outline: dict[tuple[int, str], int]) -> list[int]:
    """Return for each paragraph its heading level from 1, or 0.

    `outline` holds the bookmarks: (page, normal title) -> level from 1.
    """
    body = _body_size(placed)
    listed = [_listed(each, outline) for each in placed]
    seen = [_looks_like(each.paragraph, body) for each in placed]
    chars = [len(each.paragraph.text) for each in placed]
    if sum(count for count, is_seen in zip(chars, seen, strict=True) if is_seen) > _MAX_SHARE * sum(chars):
        seen = [_is_larger(each.paragraph, body) for each in placed]
    by_style = _style_levels(placed, listed, seen)
    return [
        listed[at] or (_own_level(each.paragraph) or by_style.get(style_of(each.paragraph), 0) if seen[at] else 0)
        for at, each in enumerate(placed)
    ]


def _listed(each: Placed, outline: dict[tuple[int, str], int]) -> int:
    """Return the level that the outline gives a paragraph; long ones are not looked up."""
    text = "" if each.paragraph.is_table else each.paragraph.text
    return outline.get((each.page, normal(text)), 0) if outline and len(text) <= MAX_LISTED_CHARS else 0


def style_of(paragraph: Paragraph) -> Style:
    """Return size, to half a point, and weight."""
    return round(paragraph.size * 2) / 2, paragraph.is_bold


def _body_size(placed: Sequence[Placed]) -> float:
    sizes: Counter[float] = Counter()
    for each in placed:
        sizes[round(each.paragraph.size * 2) / 2] += len(each.paragraph.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def _own_level(paragraph: Paragraph) -> int:
    """Return the level that words like "第三章" or "2.1" themselves tell, 0 where none do."""
    if len(paragraph.text) > MAX_CHARS:
        return 0
    number = _DIGITS.match(paragraph.text)
    return number[1].count(".") + 1 if number else heading_level(paragraph.text)


def _is_short(paragraph: Paragraph) -> bool:
    text = paragraph.text
    if paragraph.is_table:
        return False
    if len(text) > MAX_CHARS or len(paragraph.lines) > MAX_LINES or _WORDLESS.match(text):
        return False
    return paragraph.lines[0].turn == 0 and not text.endswith(_UNLIKELY_ENDS)


def _is_larger(paragraph: Paragraph, body: float) -> bool:
    return _is_short(paragraph) and paragraph.size >= body * _LARGER


def _looks_like(paragraph: Paragraph, body: float) -> bool:
    if not _is_short(paragraph):
        return False
    if paragraph.size >= body * _LARGER:
        return True
    text = paragraph.text
    is_numbered = _NUMBER.match(text) is not None
    if paragraph.is_bold and paragraph.size >= body * 0.95 and len(text) <= MAX_BOLD_CHARS:
        return is_numbered or not (paragraph.is_item or text.endswith((".", ":", "：")))
    return heading_level(text) > 0 and len(paragraph.lines) == 1


def _style_levels(placed: Sequence[Placed], listed: Sequence[int], seen: Sequence[bool]) -> dict[Style, int]:
    """Return the level of each style: what the outline or the numbers say of it, else its rank by size and weight."""
    votes: dict[Style, Counter[int]] = {}
    for at, each in enumerate(placed):
        if seen[at] or listed[at]:
            vote = listed[at] or _own_level(each.paragraph)
            votes.setdefault(style_of(each.paragraph), Counter())[vote] += 1
    levels: dict[Style, int] = {}
    rank = 0
    for style in sorted(votes, reverse=True):
        told = [(count, -level) for level, count in votes[style].items() if level]
        rank = -max(told)[1] if told else rank + 1
        levels[style] = max(1, rank)
    return levels
