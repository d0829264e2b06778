"""Makes extracted text fit to store, search and show."""

import re

# Kangxi radicals and presentation ligatures look like letters but are not found when searched for.
_FOLDED = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}


def _kangxi() -> dict[int, str]:
    """Return the map from radicals (U+2F00..2FD5, U+2E9F, U+2EF3) to the characters they stand for."""
    import unicodedata  # noqa: PLC0415  only needed once

    points = (*range(0x2F00, 0x2FD6), 0x2E9F, 0x2EF3)
    return {point: unicodedata.normalize("NFKC", chr(point)) for point in points}


_SPACES = dict.fromkeys(
    (0x00A0, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x202F, 0x3000), " "
)
_SPACES |= dict.fromkeys((0x0B, 0x0C, 0x85, 0x2028, 0x2029), "\n")
# Controls, soft hyphen, zero-width space, bidi overrides, BOM, non-characters and lone surrogates: never text.
_DROPPED = dict.fromkeys(
    (*range(0x09), *range(0x0E, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0), 0xAD, 0x200B, 0x2060)
)
_DROPPED |= dict.fromkeys(
    (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000))
)
_TABLE: dict[int, str | None] = {**_DROPPED, **_SPACES, **_FOLDED, **_kangxi()}

_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]")
_FIRST_CJK = "\u2e80"
_BLANKS = re.compile(r"[ \t]+")
_EDGES = re.compile(r" ?\n ?")


def clean(text: str) -> str:
    """Return `text` without control characters, with plain line ends, spaces and ligatures."""
    if text.isascii() and text.isprintable():  # most lines
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_TABLE)


def squeeze(text: str) -> str:
    """Return cleaned text with runs of blanks as one, and none at the ends of its lines."""
    return _EDGES.sub("\n", _BLANKS.sub(" ", clean(text))).strip()


def one_line(text: str) -> str:
    """Return cleaned text on one line."""
    return " ".join(clean(text).split())


def is_cjk(char: str) -> bool:
    """Return whether words of this character's script are written without spaces between them."""
    return _CJK.match(char) is not None


def join_lines(first: str, second: str) -> str:
    """Return two lines of one paragraph as one: no space between two CJK characters."""
    if not first or not second:
        return first + second
    if second[0] < _FIRST_CJK or not (is_cjk(first[-1]) and is_cjk(second[0])):
        return f"{first} {second}"
    return first + second


def table_markdown(rows: list[list[str]]) -> str:
    """Return rows as a markdown table whose first row is the header; "" without any text.

    Columns without text are dropped, short rows are filled up.
    """
    width = max((len(row) for row in rows), default=0)
    cells = [[one_line(cell).replace("|", "\\|") for cell in row] + [""] * (width - len(row)) for row in rows]
    used = [index for index in range(width) if any(row[index] for row in cells)]
    kept = [[row[index] for index in used] for row in cells if any(row)]
    if not kept:
        return ""
    lines = ["| " + " | ".join(row) + " |" for row in kept]
    lines.insert(1, "|" + " --- |" * len(used))
    return "\n".join(lines)


def language_of(texts: list[str]) -> str:
    """Return "zh", "ja", "ko", "en" or "" by the scripts of the first 20,000 characters."""
    sample = "".join(texts[:400])[:20_000]
    letters = [char for char in sample if char.isalpha()]
    if not letters:
        return ""
    han = sum("\u4e00" <= char <= "\u9fff" for char in letters)
    kana = sum("\u3040" <= char <= "\u30ff" for char in letters)
    hangul = sum("\uac00" <= char <= "\ud7a3" for char in letters)
    latin = sum(char < "\u0250" for char in letters)
    if kana > len(letters) * 0.1:
        return "ja"
    if hangul > len(letters) * 0.3:
        return "ko"
    if han > len(letters) * 0.2:
        return "zh"
    return "en" if latin > len(letters) * 0.5 else ""
