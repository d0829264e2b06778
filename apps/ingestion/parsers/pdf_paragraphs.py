"""Joins the lines of a column into paragraphs and list items."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from apps.ingestion.parsers.cleaning import is_cjk, join_lines
from apps.ingestion.parsers.pdf_lines import Line
from apps.ingestion.parsers.pdf_order import Column

_ITEM = re.compile(
    r"(?:[•·●○▪■□◦‣➢➤◆–—*-]\s*|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]\s+|[((][一二三四五六七八九十\d]{1,3}[))]|[一二三四五六七八九十]{1,3}、)\S"
)
_STOPS = tuple("。！？.!?:：；;…”」』")
_SIZE_STEP = 0.12  # a change of the font size by this share begins another paragraph
_LOOSE = 1.35  # so many times the usual distance of lines is a gap between paragraphs
_INDENT = 0.8  # font sizes
_SHORT = 0.12  # a line that ends this share of the column early ends its paragraph


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together; `text` is filled as they are added."""

    lines: list[Line] = field(default_factory=list)
    text: str = ""
    hyphens: list[int] = field(default_factory=list)  # where in `text` a hyphen at a line's end was taken out
    is_item: bool = False
    is_table: bool = False  # `text` is markdown then

    def add(self, line: Line, *, is_same_row: bool = False) -> None:
        """Append a line; a word parted at its end is made whole again, and remembered."""
        before = self.lines[-1] if self.lines else None
        if before is not None and before.is_hyphenated and not is_same_row:
            self.hyphens.append(len(self.text))
            self.text += line.text
        elif is_same_row:
            self.text = f"{self.text} {line.text}"
        else:
            self.text = join_lines(self.text, line.text)
        self.lines.append(line)

    @property
    def size(self) -> float:
        """Return the font size in points of its longest line."""
        return max(self.lines, key=lambda line: len(line.text)).size

    @property
    def is_bold(self) -> bool:
        """Return whether every line is bold."""
        return all(line.is_bold for line in self.lines)


def paragraphs_of(column: Column) -> Iterator[Paragraph]:
    """Yield the paragraphs of a column, top to bottom."""
    usual = _usual_distance(column.lines)
    current = Paragraph()
    for line in column.lines:
        if current.lines:
            before = current.lines[-1]
            same_row = _is_same_row(before, line)
            if not same_row and _begins(current, before, line, column, usual):
                yield current
                current = Paragraph()
            elif same_row:
                current.add(line, is_same_row=True)
                continue
        if not current.lines:
            current.is_item = _ITEM.match(line.text) is not None
        current.add(line)
    if current.lines:
        yield current


def _usual_distance(lines: Sequence[Line]) -> float:
    """Return the median distance of base lines, in font sizes; 1.2 where there is none to see."""
    steps = [
        (after.y1 - before.y1) / after.size
        for before, after in pairwise(lines)
        if 0.5 < (after.y1 - before.y1) / after.size < 3 and abs(after.size - before.size) < 0.5  # noqa: PLR2004
    ]
    return median(steps) if steps else 1.2


def _is_same_row(before: Line, line: Line) -> bool:
    if line.x0 < before.x1 - 0.2 * before.size or before.turn != line.turn or line.turn != 0:
        return False
    overlap = min(before.y1, line.y1) - max(before.y0, line.y0)
    return overlap > 0.5 * min(before.y1 - before.y0, line.y1 - line.y0)


def _begins(paragraph: Paragraph, before: Line, line: Line, column: Column, usual: float) -> bool:
    """Return whether `line` begins another paragraph."""
    if before.turn != line.turn or _differs(before, line):
        return True
    if line.turn == 0 and _is_apart(before, line, usual):
        return True
    if before.is_hyphenated:
        return False
    return _ITEM.match(line.text) is not None or _is_new(paragraph, before, line, column)


def _differs(before: Line, line: Line) -> bool:
    step = max(before.size / line.size, line.size / before.size) if before.size != line.size else 1.0
    if step > 1 + _SIZE_STEP and min(len(before.text), len(line.text)) > 3:  # noqa: PLR2004  not a raised number
        return True
    return before.is_bold != line.is_bold and len(before.text) > 1


def _is_apart(before: Line, line: Line, usual: float) -> bool:
    step = (line.y1 - before.y1) / max(line.size, 1.0)
    return step > usual * _LOOSE or step < -0.5  # noqa: PLR2004  upwards: another column or a footnote


def _is_new(paragraph: Paragraph, before: Line, line: Line, column: Column) -> bool:
    """Return whether indentation or a short line before it make `line` the first of a paragraph."""
    width = column.right - column.left
    ends_early = before.x1 < column.right - max(_SHORT * width, 2 * before.size)
    stops = before.text.endswith(_STOPS)
    if ends_early and stops:
        return True
    indented = line.x0 - column.left > _INDENT * line.size
    deeper = line.x0 - before.x0 > _INDENT * line.size
    if indented and deeper and not paragraph.is_item:
        return stops or len(paragraph.lines) > 1
    is_short_label = ends_early and not is_cjk(before.text[-1]) and before.x1 < column.left + width / 2
    return is_short_label and line.text[:1].isupper() and len(paragraph.lines) == 1
