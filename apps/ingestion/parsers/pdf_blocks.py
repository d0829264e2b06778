"""Makes blocks of the lines of pages: paragraphs, list items, captions and headings, with their boxes."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.pdf_furniture import Page
from apps.ingestion.parsers.pdf_headings import Placed, levels_of
from apps.ingestion.parsers.pdf_lines import Edges
from apps.ingestion.parsers.pdf_order import columns_of
from apps.ingestion.parsers.pdf_paragraphs import Paragraph, paragraphs_of
from apps.libraries.types import Block, BlockKind

MAX_CAPTION_CHARS = 600
WORD = re.compile(r"[^\W\d_]|\d\d")  # a letter or a number: less is a stray mark, or a font without a mapping
_CAPTION = re.compile(r"(?:fig(?:ure|\.)?|table|图|表|圖)\s*\d", re.IGNORECASE)
_JOINED_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PAD = 0.15  # font sizes


def blocks_of(pages: Sequence[Page], outline: dict[tuple[int, str], int]) -> Iterator[Block]:
    """Yield the blocks of pages in reading order; `outline` holds the bookmarks: (page, normal title) -> level."""
    by_number = {page.number: page for page in pages}
    placed = [
        Placed(page.number, paragraph)
        for page in pages
        for column in columns_of(page.lines)
        for paragraph in paragraphs_of(column)
    ]
    words = _words(placed)
    stack = HeadingStack()
    for each, level in zip(placed, levels_of(placed, outline), strict=True):
        text = _with_hyphens(each.paragraph, words)
        box = by_number[each.page].box(_edges(each.paragraph))
        if level:
            yield Block(text, "heading", each.page, box, stack.push(level, text), level)
        else:
            yield Block(text, _kind(each.paragraph), each.page, box, stack.path)


def _kind(paragraph: Paragraph) -> BlockKind:
    if paragraph.is_item:
        return "list"
    return "caption" if _CAPTION.match(paragraph.text) and len(paragraph.text) <= MAX_CAPTION_CHARS else "text"


def _words(placed: Sequence[Placed]) -> Counter[str]:
    """Return how often each word occurs, but for documents without parted words, where nobody asks."""
    if not any(each.paragraph.hyphens for each in placed):
        return Counter()
    return Counter(word for each in placed for word in _JOINED_WORD.findall(each.paragraph.text.lower()))


def _with_hyphens(paragraph: Paragraph, words: Counter[str]) -> str:
    """Return the text, with hyphens put back that belong to a word: "dual-encoder", but not "effi-cient".

    What the rest of the document writes decides; else a hyphen before a capital or digit belongs to the word.
    """
    text = paragraph.text
    for at in reversed(paragraph.hyphens):
        left = re.search(r"[^\W\d_]+$", text[max(0, at - 40) : at])
        right = re.match(r"[^\W\d_]+", text[at : at + 40])
        if left is None or right is None:
            text = text[:at] + "-" + text[at:]
            continue
        parted, whole = words[f"{left[0]}-{right[0]}".lower()], words[(left[0] + right[0]).lower()]
        if parted >= whole if parted else right[0][0].isupper() and not left[0].isupper():
            text = text[:at] + "-" + text[at:]
    return text


def _edges(paragraph: Paragraph) -> Edges:
    lines = paragraph.lines
    pad = _PAD * paragraph.size  # glyph boxes are tight
    return (
        min(line.x0 for line in lines) - pad,
        min(line.y0 for line in lines) - pad,
        max(line.x1 for line in lines) + pad,
        max(line.y1 for line in lines) + pad,
    )
