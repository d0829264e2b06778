"""Reads RTF: code pages of every font, tables, lists, headings, notes, pictures. Deleted and hidden text is left out.

Written by the Rich Text Format Specification 1.9.1; rtf_tokens cuts, rtf_flow collects paragraphs and tables.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line
from apps.ingestion.parsers.ooxml import MAX_FACT_CHARS
from apps.ingestion.parsers.rtf_flow import Aside, Edge, Flow, Paragraph
from apps.ingestion.parsers.rtf_tokens import CHARSETS, Token, page_codec, tokens
from apps.ingestion.parsers.rtf_words import ASIDES, CHARACTERS, INFO, OPENED, PAGES, SILENT, SYMBOLS
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

MAX_DEPTH = 1_000


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of an RTF text; one that is cut off is read as far as it goes."""
    builder = Builder(task)
    reader = _Reader(builder)
    for token in tokens(Path(task.path).read_bytes()):
        reader.take(token)
    reader.finish()
    return builder.finish(title=reader.flow.title, facts=reader.facts)


@dataclass(slots=True)
class _State:
    """What a group inherits and gives back: where its words go, their font, and how many stand in for one."""

    target: str = "text"
    font: int = -1
    replaced: int = 1
    is_hidden: bool = False
    is_starred: bool = False
    aside: Aside | None = None


class _Reader:
    def __init__(self, builder: Builder) -> None:
        self.flow = Flow(builder)
        self.facts: dict[str, str] = {}
        self._state = _State()
        self._stack: list[_State] = []
        self._codec = "cp1252"
        self._fonts: dict[int, str] = {}
        self._headings: dict[int, int] = {}  # paragraph style -> level, -1 for the title
        self._raw = bytearray()
        self._skip = 0
        self._half = 0
        self._style = 0
        self._outline = -1
        self._words: list[str] = []  # of a fact, a style's name or a picture
        self._binary: list[bytes] = []
        self._picture = ""
        self._edge = Edge()
        self._author = ""

    def take(self, token: Token) -> None:
        """Take in the next token. Raises Refused for groups without end."""
        if token.kind in {"text", "hex"}:
            self._bytes(token.data)
        elif token.kind == "word":
            self._flush()
            self._word(token.word, token.number)
        elif token.kind == "symbol":
            self._symbol(token.word)
        elif token.kind == "open":
            self._open()
        elif token.kind == "close":
            self._close()
        elif self._state.target == "pict":
            self._binary.append(token.data)

    def _bytes(self, data: bytes) -> None:
        """Add bytes of text, but not those that stand in for a character told by its number."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._raw += data[skipped:]

    def _open(self) -> None:
        self._flush()
        self._skip = 0
        if len(self._stack) >= MAX_DEPTH:
            raise Refused("broken", reason="groups")
        self._stack.append(self._state)
        self._state = copy(self._state)
        self._state.is_starred = False

    def _close(self) -> None:
        self._flush()
        self._skip = 0
        if not self._stack:
            return
        ended, self._state = self._state, self._stack.pop()
        if ended.target != self._state.target or ended.aside is not self._state.aside:
            self._leave(ended)
        elif ended.target == "style":
            self._end_style()

    def _leave(self, ended: _State) -> None:
        """Do what the end of a destination asks for."""
        words = one_line("".join(self._words))
        if ended.aside is not None and ended.aside is not self._state.aside:
            self.flow.hang(ended.aside)
        elif ended.target.startswith("fact:") and words:
            self.facts[ended.target[5:]] = words[:MAX_FACT_CHARS]
        elif ended.target == "author":
            self._author = words
        elif ended.target == "pict":
            self._end_picture()
        self._words.clear()

    def _flush(self) -> None:
        """Decode the bytes that were collected and write their text."""
        if not self._raw:
            return
        data, self._raw = bytes(self._raw), bytearray()
        codec = self._fonts.get(self._state.font, self._codec)
        self._text(data.decode(codec, errors="replace"))

    def _text(self, text: str) -> None:
        state = self._state
        if state.is_hidden:
            return
        if state.target == "text":
            if state.aside is not None:
                state.aside.parts.append(text)
            else:
                self.flow.write(text)
        elif state.target == "mark":
            self.flow.mark.append(text)
        elif state.target == "style" and ";" in text:
            self._words.append(text.partition(";")[0])
            self._end_style()
        elif state.target not in {"quiet", "dead", "fonts"}:
            self._words.append(text)

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._state.is_starred = True
        elif symbol in "\r\n":
            self._flush()
            self._par(None)
        elif self._skip:
            self._skip -= 1
        elif symbol in SYMBOLS:
            self._flush()
            self._text(SYMBOLS[symbol])

    def _word(self, word: str, number: int | None) -> None:
        starred, self._state.is_starred = self._state.is_starred, False
        action = _ACTIONS.get(word)
        if word == "u":
            self._unicode(number or 0)
        elif self._skip:
            self._skip -= 1
        elif action is not None:
            action(self, number)
        elif word in CHARACTERS:
            self._text(CHARACTERS[word])
        else:
            self._destination(word, is_starred=starred)

    def _destination(self, word: str, *, is_starred: bool) -> None:
        """Turn the words of a group to where they belong; unknown groups that are starred are passed over."""
        if self._state.target == "dead":
            return
        if word in ASIDES:
            self._begin_aside(word)
        elif word in OPENED:
            self._state.target = "text"
        elif word in SILENT or is_starred:
            self._state.target = "dead"
        elif word in PAGES:
            self._codec = PAGES[word]

    def _unicode(self, number: int) -> None:
        """Write a character that is told by its number, in UTF-16; what stands in for it is passed over."""
        unit = number % 0x10000
        self._skip = self._state.replaced
        if 0xD800 <= unit < 0xDC00:  # noqa: PLR2004  the first half of a pair
            self._half = unit
        elif 0xDC00 <= unit < 0xE000:  # noqa: PLR2004  the second
            self._text(chr(0x10000 + ((self._half - 0xD800) << 10) + unit - 0xDC00) if self._half else "")
            self._half = 0
        else:
            self._text(chr(unit))

    def _begin_aside(self, word: str) -> None:
        self._state.aside = Aside(ASIDES[word], author=self._author if word == "annotation" else "")
        self._state.target = "text"

    # Control words of documents, fonts and styles

    def _ansicpg(self, number: int | None) -> None:
        self._codec = page_codec(number or 0)

    def _font(self, number: int | None) -> None:
        self._state.font = -1 if number is None else number

    def _fcharset(self, number: int | None) -> None:
        if self._state.target == "fonts" and number in CHARSETS:
            self._fonts[self._state.font] = CHARSETS[number]

    def _cpg(self, number: int | None) -> None:
        if self._state.target == "fonts" and number:
            self._fonts[self._state.font] = page_codec(number)

    def _into(self, target: str) -> None:
        if self._state.target != "dead":
            self._state.target = target
            self._words.clear()

    def _stylesheet(self, _number: int | None) -> None:
        self._into("style")

    def _end_style(self) -> None:
        """Note the level of a style of headings: by its outline level, else by its name."""
        name = one_line("".join(self._words)).lower()
        self._words.clear()
        if name.startswith("heading ") and name[8:9].isdecimal():
            self._headings[self._style] = int(name[8])
        elif name == "title":
            self._headings[self._style] = -1
        elif name and 0 <= self._outline < 9:  # noqa: PLR2004  9 means body text
            self._headings[self._style] = self._outline + 1
        self._style, self._outline = 0, -1

    def _outlinelevel(self, number: int | None) -> None:
        if self._state.target == "style":
            self._outline = -1 if number is None else number
        elif self._is_main() and number is not None:
            self.flow.set.level = number + 1 if 0 <= number < 9 else 0  # noqa: PLR2004  9 means body text

    def _s(self, number: int | None) -> None:
        if self._state.target == "style":
            self._style = number or 0
        elif self._is_main():
            level = self._headings.get(number or 0, 0)
            self.flow.set.level, self.flow.set.is_title = max(0, level), level < 0

    def _is_main(self) -> bool:
        return self._state.target == "text" and self._state.aside is None

    # Control words of paragraphs

    def _par(self, _number: int | None) -> None:
        if self._state.aside is not None and self._state.target == "text":
            self._state.aside.parts.append("\n")
        elif self._state.target == "text":
            self.flow.end_paragraph()

    def _pard(self, _number: int | None) -> None:
        if self._is_main():
            self.flow.set = Paragraph()

    def _intbl(self, number: int | None) -> None:
        if self._is_main():
            self.flow.set.in_table = number != 0

    def _ls(self, number: int | None) -> None:
        if self._is_main():
            self.flow.set.is_listed = bool(number)

    def _ilvl(self, number: int | None) -> None:
        if self._is_main():
            self.flow.set.list_level = min(8, max(0, number or 0))

    def _listtext(self, _number: int | None) -> None:
        if self._is_main():
            self._state.target = "mark"

    def _uc(self, number: int | None) -> None:
        self._state.replaced = min(100, max(0, number or 0))

    def _hide(self, number: int | None) -> None:
        self._state.is_hidden = number != 0

    def _plain(self, _number: int | None) -> None:
        self._state.is_hidden = False

    # Control words of tables

    def _trowd(self, _number: int | None) -> None:
        if self._is_main():
            self.flow.edges = []
            self._edge = Edge()

    def _cellx(self, _number: int | None) -> None:
        if self._is_main() and len(self.flow.edges) < MAX_DEPTH:
            self.flow.edges.append(self._edge)
            self._edge = Edge()

    def _clmrg(self, _number: int | None) -> None:
        self._edge.joins_left = True

    def _clvmrg(self, _number: int | None) -> None:
        self._edge.joins_above = True

    def _cell(self, _number: int | None) -> None:
        if self._is_main():
            self.flow.end_cell()
        else:
            self._text("\n")

    def _row(self, _number: int | None) -> None:
        if self._is_main():
            self.flow.end_row()

    def _nestcell(self, _number: int | None) -> None:
        if self._is_main():
            self.flow.end_inner_cell("cell")

    def _nestrow(self, _number: int | None) -> None:
        if self._is_main():
            self.flow.end_inner_cell("row")

    # Pictures

    def _pict(self, _number: int | None) -> None:
        if self._state.target not in {"quiet", "dead"}:
            self._into("pict")
            self._picture = ""
            self._binary.clear()

    def _blip(self, _number: int | None) -> None:
        self._picture = "blip"

    def _end_picture(self) -> None:
        """Add the picture whose bytes were told in hex or as they are."""
        digits = "".join(self._words)
        kept = "".join(char for char in digits if char in "0123456789abcdefABCDEF")
        data = b"".join(self._binary) or bytes.fromhex(kept[: len(kept) // 2 * 2])
        self._binary.clear()
        if self._picture and data:
            self.flow.figure(data)

    def finish(self) -> None:
        """End what is open."""
        self._flush()
        self.flow.finish()


def _target(name: str) -> Callable[[_Reader, int | None], None]:
    """Return an action that sends the words of a group somewhere."""

    def send(reader: _Reader, _number: int | None) -> None:
        reader._into(name)

    return send


_ACTIONS: dict[str, Callable[[_Reader, int | None], None]] = {
    "ansicpg": _Reader._ansicpg,
    "f": _Reader._font,
    "deff": _Reader._font,
    "fcharset": _Reader._fcharset,
    "cpg": _Reader._cpg,
    "fonttbl": _target("fonts"),
    "stylesheet": _Reader._stylesheet,
    "info": _target("quiet"),
    "atnauthor": _target("author"),
    "shpinst": _target("quiet"),
    "upr": _target("quiet"),
    "outlinelevel": _Reader._outlinelevel,
    "s": _Reader._s,
    "par": _Reader._par,
    "sect": _Reader._par,
    "page": _Reader._par,
    "pard": _Reader._pard,
    "intbl": _Reader._intbl,
    "ls": _Reader._ls,
    "ilvl": _Reader._ilvl,
    "listtext": _Reader._listtext,
    "pntext": _Reader._listtext,
    "uc": _Reader._uc,
    "v": _Reader._hide,
    "deleted": _Reader._hide,
    "plain": _Reader._plain,
    "trowd": _Reader._trowd,
    "cellx": _Reader._cellx,
    "clmrg": _Reader._clmrg,
    "clvmrg": _Reader._clvmrg,
    "cell": _Reader._cell,
    "row": _Reader._row,
    "nestcell": _Reader._nestcell,
    "nestrow": _Reader._nestrow,
    "pict": _Reader._pict,
    "pngblip": _Reader._blip,
    "jpegblip": _Reader._blip,
} | {word: _target(f"fact:{name}") for word, name in INFO.items()}
