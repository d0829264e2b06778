"""Reads the text of Word documents before 2007 without LibreOffice: paragraphs, headings, tables, notes ([MS-DOC]).

Less than LibreOffice gives: no pictures, no numbers of lists, no styles but those of headings. Word 6 and 95 as text.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import squeeze
from apps.ingestion.parsers.tables import markdown
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

MAX_PIECES = 200_000
_WORD = (0xA5EC, 0xA5DC)  # since 97, before
_WORD_97 = 193  # nFib, from here on text lies in pieces
_ENCRYPTED, _COMPLEX, _TABLE_1 = 0x0100, 0x0004, 0x0200
_CLX, _PAPX = 0x01A2, 0x0102  # places in the FIB of (offset, size) in the table stream
_COUNTS = (
    0x4C,
    0x50,
    0x54,
    0x58,
    0x5C,
    0x60,
    0x64,
)  # characters of text, notes, headers, macros, comments, endnotes, boxes
_PAGE = 512
_IN_TABLE, _ROW_ENDS, _OUTLINE = 0x2416, 0x2417, 0x2640
_LONG_TABLE = 0xD608
_SIZES = (1, 1, 2, 4, 2, 2, 0, 3)  # of an operand, by the highest three bits of its code
_MARKS = {0x0B: "\n", 0x0C: "\r", 0x1E: "-", 0x1F: "", 0x0E: "\n"} | dict.fromkeys((1, 2, 3, 4, 5, 8), "")
_HEADINGS = 9
_CELL_MARK = "\x07"
_ENDS = frozenset("\r\x0c" + _CELL_MARK)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of characters: the first one's number, its place in the file, bytes each."""

    first: int
    place: int
    width: int


@dataclass(frozen=True, slots=True)
class _Set:
    """How a paragraph is set."""

    level: int = 0
    in_table: bool = False
    row_ends: bool = False


class Binary:
    """The text of one document and how its paragraphs are set. Raises Refused, or struct.error where it is damaged."""

    def __init__(self, main: bytes, tables: dict[str, bytes]) -> None:
        self._main = main
        identity, number = struct.unpack_from("<HH", main)
        (flags,) = struct.unpack_from("<H", main, 0x0A)
        if identity not in _WORD or flags & _ENCRYPTED:
            raise Refused("encrypted" if identity in _WORD else "broken", reason="doc")
        self._table = tables.get("1Table" if flags & _TABLE_1 else "0Table", b"")
        self._runs: list[tuple[int, _Set]] = []
        if number >= _WORD_97:
            self._counts = struct.unpack_from("<7i", main, _COUNTS[0])
            self._pieces = list(self._read_pieces())
            self._runs = sorted(self._read_runs(), key=lambda run: run[0])
        else:
            start, _end = struct.unpack_from("<2i", main, 0x18)
            if flags & _COMPLEX:
                raise Refused("needs-libreoffice", suffix=".doc")
            self._counts = struct.unpack_from("<7i", main, 0x34)
            self._pieces = [_Piece(0, start, 1)]
        self._firsts = [piece.first for piece in self._pieces]

    def _read_pieces(self) -> Iterator[_Piece]:
        """Yield the pieces of text in their order ([MS-DOC] 2.9.38, Clx)."""
        at, size = struct.unpack_from("<2I", self._main, _CLX)
        end = at + size
        while at < end and self._table[at] == 1:
            at += 3 + struct.unpack_from("<H", self._table, at + 1)[0]
        count = (struct.unpack_from("<I", self._table, at + 1)[0] - 4) // 12
        if not 0 < count <= MAX_PIECES:
            raise Refused("broken", reason="pieces")
        firsts = struct.unpack_from(f"<{count + 1}I", self._table, at + 5)
        for index in range(count):
            (place,) = struct.unpack_from("<I", self._table, at + 5 + 4 * (count + 1) + 8 * index + 2)
            is_narrow = bool(place & 0x40000000)
            where = place & 0x3FFFFFFF
            yield _Piece(firsts[index], where // 2 if is_narrow else where, 1 if is_narrow else 2)

    def _read_runs(self) -> Iterator[tuple[int, _Set]]:
        """Yield (first byte, setting) of the runs of paragraphs set alike ([MS-DOC] 2.9.174, PapxFkp)."""
        at, size = struct.unpack_from("<2I", self._main, _PAPX)
        count = (size - 4) // 8
        if not 0 < count <= MAX_PIECES:
            return
        for (number,) in struct.iter_unpack("<I", self._table[at + 4 * (count + 1) : at + 4 * (count + 1) + 4 * count]):
            page = self._main[(number & 0x3FFFFF) * _PAGE :][:_PAGE]
            if len(page) < _PAGE:
                continue
            runs = page[-1]
            for index in range(runs):
                (first,) = struct.unpack_from("<I", page, 4 * index)
                yield first, _setting(page, page[4 * (runs + 1) + 13 * index] * 2)

    def parts(self) -> tuple[str, ...]:
        """Return where the text, the footnotes, headers, macros, comments, endnotes and boxes end: their characters."""
        ends: list[str] = []
        start = 0
        for count in self._counts:
            end = start + max(0, count)
            ends.append(self.text(start, end))
            start = end
        return tuple(ends)

    def text(self, start: int, end: int) -> str:
        """Return characters by their numbers."""
        parts: list[str] = []
        index = max(0, bisect_right(self._firsts, start) - 1)
        while start < end and index < len(self._pieces):
            piece = self._pieces[index]
            stop = min(end, self._firsts[index + 1] if index + 1 < len(self._firsts) else end)
            offset = piece.place + (start - piece.first) * piece.width
            data = self._main[offset : offset + (stop - start) * piece.width]
            parts.append(data.decode("utf-16-le" if piece.width == 2 else "cp1252", errors="replace"))  # noqa: PLR2004
            start, index = max(start, stop), index + 1
        return "".join(parts)

    def setting(self, number: int) -> _Set:
        """Return how the paragraph is set that ends with this character."""
        piece = self._pieces[max(0, bisect_right(self._firsts, number) - 1)]
        place = piece.place + (number - piece.first) * piece.width
        index = bisect_right(self._runs, place, key=lambda run: run[0]) - 1
        return self._runs[index][1] if index >= 0 else _Set()


def _setting(page: bytes, at: int) -> _Set:
    """Return what a paragraph's properties say; those that are damaged say nothing."""
    if not at or at >= _PAGE - 4:
        return _Set()
    start, size = (at + 1, 2 * page[at] - 1) if page[at] else (at + 2, 2 * page[at + 1])
    (style,) = struct.unpack_from("<H", page, start)
    found = dict(_operands(page[start + 2 : start + size]))
    level = style if style <= _HEADINGS else 0
    outline = found.get(_OUTLINE, _HEADINGS)
    level = level or (outline + 1 if outline < _HEADINGS else 0)
    return _Set(level, bool(found.get(_IN_TABLE)), bool(found.get(_ROW_ENDS)))


def _operands(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (code, first byte of the operand) of a list of properties ([MS-DOC] 2.6)."""
    at = 0
    while at + 2 < len(data):
        (code,) = struct.unpack_from("<H", data, at)
        size = _SIZES[code >> 13]
        if not size:
            size = struct.unpack_from("<H", data, at + 2)[0] + 1 if code == _LONG_TABLE else data[at + 2] + 1
        yield code, data[at + 2]
        at += 2 + size


def read(task: Task, main: bytes, tables: dict[str, bytes]) -> ParsedDocument:
    """Return the blocks of a document from its streams. Raises Refused."""
    try:
        binary = Binary(main, tables)
        builder = Builder(task)
        text, footnotes, _headers, _macros, comments, endnotes, boxes = binary.parts()
        _body(builder, binary, text)
    except (struct.error, IndexError, OverflowError) as error:
        raise Refused("broken", reason="doc") from error
    for part in (boxes, footnotes, endnotes, comments):
        for words in _plain(part).split("\r"):
            builder.block(words, "text" if part is boxes else "note")
    return builder.finish()


def _body(builder: Builder, binary: Binary, text: str) -> None:
    """Add the paragraphs and tables of the text. A cell ends with a mark, and so does a row."""
    table = _Table(builder)
    start = 0
    for number, char in enumerate(text):
        if char not in _ENDS:
            continue
        words, start = squeeze(_plain(text[start:number])), number + 1
        how = binary.setting(number)
        if char == _CELL_MARK:
            table.end_cell(words, row_ends=how.row_ends)
        elif how.in_table:
            table.lines.append(words)
        else:
            table.end()
            _paragraph(builder, words, how.level)
    table.end()


class _Table:
    """The table under way."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._rows: list[list[str]] = []
        self._cells: list[str] = []
        self.lines: list[str] = []  # of the present cell

    def end_cell(self, words: str, *, row_ends: bool) -> None:
        """End a cell, or the row whose end is marked like one."""
        if row_ends:
            self._rows.append(self._cells)
            self._cells = []
        else:
            self._cells.append("\n".join(filter(None, (*self.lines, words))))
        self.lines = []

    def end(self) -> None:
        """Add the table that has ended, if there is one."""
        if self._cells:
            self._rows.append(self._cells)
        if self._rows:
            self._builder.table(markdown(self._rows))
        self._rows, self._cells, self.lines = [], [], []


def _paragraph(builder: Builder, words: str, level: int) -> None:
    if words and level:
        builder.heading(words, level)
    elif words:
        builder.text(words)


def _plain(text: str) -> str:
    """Return text without marks and the instructions of fields; their results stay."""
    kept: list[str] = []
    depth: list[bool] = []  # of fields: whether the result has begun
    for char in text:
        code = ord(char)
        if code == 0x13:  # noqa: PLR2004  a field begins
            depth.append(False)
        elif code == 0x14 and depth:  # noqa: PLR2004  its result begins
            depth[-1] = True
        elif code == 0x15 and depth:  # noqa: PLR2004  it ends
            depth.pop()
        elif all(depth):
            kept.append(_MARKS.get(code, char))
    return "".join(kept)
