"""Takes the lines of a PDF page out of PDFium, placed as a reader sees the page."""

import ctypes
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import pypdfium2.raw as pdfium

from apps.ingestion.parsers.cleaning import clean
from apps.ingestion.parsers.pdf_calls import (
    Doubles,
    address_of,
    count_rects,
    get_char_box,
    get_font_info,
    get_font_size,
    get_matrix,
    get_rect,
    get_unicode,
)

Edges = tuple[float, float, float, float]  # x0, y0, x1, y1
HYPHEN = "\ufffe"  # how PDFium writes a hyphen at a line's end, in place of the line break
_BREAK = re.compile(r"(\r?\n|\ufffe)")
_WIDE = re.compile(r"[\x80-\x9f\u2e80-\uffef]")  # only then a character may be beyond UCS-2, which GetText cuts off
_BOLD = re.compile(rb"bold|black|heavy|demi|medi(?!um)|bx\d|simhei|heiti", re.IGNORECASE)
_FORCE_BOLD = 1 << 18  # ISO 32000-1, table 123
_WIDE_GAP = 1.6  # blanks wider than this, in font sizes, part two cells or columns
_NAME_BYTES = 128
_EDGE = 0.02  # text this far outside the crop box is not seen
_RIGHT_ANGLES = 4
_ASKEW = 5.0  # degrees
_LARGEST = 500.0  # points; a larger font size is a mistake of the file


@dataclass(slots=True)  # not frozen, but never changed: there are many, and freezing costs more than their text
class Line:
    """A run of text on one base line. Edges in points from the top left of the page as shown; `turn` 0 is upright."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    is_bold: bool = False
    is_hyphenated: bool = False
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a page is shown: the crop box in PDF units and the rotation in quarter turns clockwise."""

    left: float
    bottom: float
    right: float
    top: float
    turns: int

    @property
    def size(self) -> tuple[float, float]:
        """Return width and height as shown."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.turns % 2 else (width, height)

    def shown(self, left: float, top: float, right: float, bottom: float) -> Edges:
        """Return a rectangle of PDF units as (x0, y0, x1, y1) from the top left of the page as shown."""
        if self.turns == 0:
            return left - self.left, self.top - top, right - self.left, self.top - bottom
        if self.turns == 1:
            return bottom - self.bottom, left - self.left, top - self.bottom, right - self.left
        if self.turns == 2:  # noqa: PLR2004  upside down
            return self.right - right, bottom - self.bottom, self.right - left, top - self.bottom
        return self.top - top, self.right - right, self.top - bottom, self.right - left


def frame_of(page: object) -> Frame:
    """Return the shown part of a page: the crop box within the media box, as pdf.js shows it."""
    media = _box(page, pdfium.FPDFPage_GetMediaBox) or (0.0, 0.0, 612.0, 792.0)
    crop = _box(page, pdfium.FPDFPage_GetCropBox) or media
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    if right - left < 1 or top - bottom < 1:
        left, bottom, right, top = media
    if right - left < 1 or top - bottom < 1:
        left, bottom, right, top = 0.0, 0.0, 612.0, 792.0
    return Frame(left, bottom, right, top, pdfium.FPDFPage_GetRotation(page) % _RIGHT_ANGLES)


def _box(page: object, getter: object) -> Edges | None:
    edges = [ctypes.c_float() for _edge in range(4)]
    if not getter(page, *(ctypes.byref(edge) for edge in edges)):  # type: ignore[operator]  # a ctypes function
        return None
    x0, y0, x1, y1 = (edge.value for edge in edges)
    box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    return box if all(math.isfinite(edge) for edge in box) else None


class PageText:
    """The text of one page; `lines()` reads it in the order of the page's content."""

    def __init__(self, textpage: object, frame: Frame) -> None:
        self._page = address_of(textpage)
        self._frame = frame
        self._count = max(0, pdfium.FPDFText_CountChars(textpage))
        self._text = self._read(textpage)
        self._edges = Doubles()
        self._matrix = pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(_NAME_BYTES)
        self._flags = ctypes.c_int()
        self._of_matrix, self._of_name, self._of_flags = map(ctypes.addressof, (self._matrix, self._name, self._flags))

    def _read(self, textpage: object) -> str:
        """Return the page's text; one character per character of PDFium where that matters."""
        if not self._count:
            return ""
        buffer = (ctypes.c_ushort * (self._count * 2 + 2))()
        written = pdfium.FPDFText_GetText(textpage, 0, self._count, buffer)
        text = bytes(memoryview(buffer)[: max(0, written - 1)]).decode("utf-16-le", errors="replace")
        if len(text) == self._count and (text.isascii() or not _WIDE.search(text)):
            return text
        page = self._page
        codes = [get_unicode(page, at) for at in range(self._count)]
        return "".join(HYPHEN if code == 2 else chr(code) if 0 < code <= 0x10FFFF else " " for code in codes)  # noqa: PLR2004

    def lines(self) -> list[Line]:
        """Return the lines that can be seen, in content order."""
        found: list[Line] = []
        for begin, end, is_hyphenated in self._ranges():
            found += self._line(begin, end, is_hyphenated=is_hyphenated)
        width, height = self._frame.size
        left, right = -2 * _EDGE * width, 2 * (1 + _EDGE) * width
        top, bottom = -2 * _EDGE * height, 2 * (1 + _EDGE) * height
        seen = [line for line in found if left < line.x0 + line.x1 < right and top < line.y0 + line.y1 < bottom]
        return seen or found

    def _ranges(self) -> Iterator[tuple[int, int, bool]]:
        """Yield (begin, end, is hyphenated) of each line."""
        begin = 0
        if HYPHEN not in self._text and "\n" in self._text:  # most pages
            for line in self._text.split("\n"):
                end = begin + len(line)
                yield begin, end - line.endswith("\r"), False
                begin = end + 1
            return
        for found in _BREAK.finditer(self._text):
            if found.start() > begin:
                yield begin, found.start(), found[0] == HYPHEN
            begin = found.end()
        if begin < len(self._text):
            yield begin, len(self._text), False

    def _line(self, begin: int, end: int, *, is_hyphenated: bool) -> list[Line]:
        """Return a line, in pieces where wide gaps part it."""
        raw = self._text[begin:end]
        stripped = raw.strip()
        if not stripped:
            return []
        first = begin if raw[0] == stripped[0] else begin + len(raw) - len(raw.lstrip())
        last = first + len(stripped)
        count = count_rects(self._page, first, last - first)
        placed = self._rectangles(count)
        if not placed:
            return []
        size, turn = self._size_and_turn(first)
        bold = self._is_bold(first) and (count == 1 or last - first < 2 or self._is_bold(last - 1))  # noqa: PLR2004
        if turn == 0 and len(placed) > 1:
            placed.sort()
            if any(_is_far(before, after, size) for before, after in pairwise(placed)):
                pieces = self._pieces(first, last, size)
                return self._parted(pieces, size, is_bold=bold, is_hyphenated=is_hyphenated)
        text = clean(stripped).strip()
        return [Line(text, *_union(placed), size, bold, is_hyphenated, turn)] if text else []

    def _parted(
        self, pieces: Iterable[tuple[int, int, Edges]], size: float, *, is_bold: bool, is_hyphenated: bool
    ) -> list[Line]:
        """Return the pieces of one upright line that have text; only the last one's word can go on below."""
        texts = [(clean(self._text[start:stop]).strip(), box) for start, stop, box in pieces]
        last = len(texts) - 1
        return [
            Line(text, *box, size, is_bold, is_hyphenated and at == last)
            for at, (text, box) in enumerate(texts)
            if text
        ]

    def _rectangles(self, count: int) -> list[Edges]:
        """Return the edges of the text objects that were counted, from the top left of the page as shown."""
        found = []
        frame, page, values, places = self._frame, self._page, self._edges.values, self._edges.places
        for at in range(count):
            if not get_rect(page, at, *places):
                continue
            left, top, right, bottom = values
            if frame.turns == 0:  # nearly always: as Frame.shown does
                box = left - frame.left, frame.top - top, right - frame.left, frame.top - bottom
            else:
                box = frame.shown(left, top, right, bottom)
            if math.isfinite(box[0] + box[1] + box[2] + box[3]):
                found.append(box)
        return found

    def _pieces(self, first: int, last: int, size: float) -> Iterator[tuple[int, int, Edges]]:
        """Yield the parts of a line between wide gaps, by the boxes of its characters."""
        start, box = first, None
        for at in range(first, last):
            if self._text[at].isspace():
                continue
            if not get_char_box(self._page, at, *self._edges.places):
                continue
            left, right, bottom, top = self._edges.values  # not in the order of get_rect
            shown = self._frame.shown(left, top, right, bottom)
            if box is not None and _is_far(box, shown, size):
                yield start, at, box
                start, box = at, None
            box = shown if box is None else _union([box, shown])
        if box is not None:
            yield start, last, box

    def _size_and_turn(self, at: int) -> tuple[float, int]:
        """Return the font size in points and the quarter turns that a character is off upright, -1 for askew."""
        size, matrix = get_font_size(self._page, at), self._matrix
        if not get_matrix(self._page, at, self._of_matrix):
            return max(size, 1.0), 0
        b, d = matrix.b, matrix.d
        scaled = abs(size) * math.hypot(matrix.c, d)
        scaled = scaled if 1 <= scaled <= _LARGEST else max(size, 1.0)
        if b == 0 and matrix.a > 0 and size > 0 and self._frame.turns == 0:  # nearly always
            return scaled, 0
        angle = math.degrees(math.atan2(b, matrix.a)) - 90 * self._frame.turns + (180 if size < 0 else 0)
        turn = round(angle / 90)
        return scaled, turn % _RIGHT_ANGLES if abs(angle - turn * 90) < _ASKEW else -1

    def _is_bold(self, at: int) -> bool:
        written = get_font_info(self._page, at, self._of_name, _NAME_BYTES, self._of_flags)
        name = self._name.value if 0 < written <= _NAME_BYTES else b""
        return bool(self._flags.value & _FORCE_BOLD) or _is_bold_name(name)


@lru_cache(maxsize=512)
def _is_bold_name(name: bytes) -> bool:
    return _BOLD.search(name) is not None


def _is_far(before: Edges, after: Edges, size: float) -> bool:
    """Return whether a wide gap, or another base line, lies between two boxes."""
    if after[1] > before[3] + size or after[3] < before[1] - size:
        return True
    return after[0] - before[2] > size * _WIDE_GAP or before[0] - after[2] > size * _WIDE_GAP


def _union(boxes: list[Edges]) -> Edges:
    if len(boxes) == 1:
        return boxes[0]
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
