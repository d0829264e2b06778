"""Cuts RTF into tokens (Rich Text Format Specification 1.9.1) and names its code pages."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["word", "symbol", "hex", "open", "close", "text", "binary"]
_TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,64})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-zA-Z'])"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n\0]+)"
)
CHARSETS = {  # \fcharset -> Python codec
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
_PAGES = {936: "gb18030", 1361: "johab", 10_000: "mac_roman", 65_001: "utf-8", 708: "cp1256", 0: "cp1252"}
_KNOWN = frozenset(
    [437, 720, 737, 775, *(850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869), 874, 932, 949, 950]
) | frozenset(range(1250, 1259))


class Token(NamedTuple):
    """A piece of RTF: a control word with its number, a symbol, a byte in hex, a brace, text, or binary data."""

    kind: Kind
    data: bytes = b""
    word: str = ""
    number: int | None = None


def tokens(data: bytes) -> Iterator[Token]:
    """Yield the tokens of RTF; what fits nowhere is passed over."""
    at = 0
    while match := _TOKEN.search(data, at):
        at = match.end()
        if (word := match["word"]) is not None:
            number = int(match["number"]) if match["number"] else None
            if word == b"bin":
                size = max(0, number or 0)
                yield Token("binary", data[at : at + size])
                at += size
            else:
                yield Token("word", word=word.decode("ascii"), number=number)
        elif match["hex"] is not None:
            yield Token("hex", bytes((int(match["hex"], 16),)))
        elif match["symbol"] is not None:
            yield Token("symbol", word=match["symbol"].decode("latin-1"))
        elif match["brace"] is not None:
            yield Token("open" if match["brace"] == b"{" else "close")
        else:
            yield Token("text", match["text"])


def page_codec(page: int) -> str:
    """Return the codec of a Windows code page, Western European for one that is not known."""
    return _PAGES.get(page) or (f"cp{page}" if page in _KNOWN else "cp1252")
