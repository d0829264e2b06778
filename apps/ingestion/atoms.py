"""The smallest pieces that chunks are built of: sentences, table rows, lines of code."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.libraries.types import Block

MAX_ATOM_CHARS = 200
MAX_LINE_CHARS = 2_000  # a longer row or line of code fits no chunk, so it is cut like a sentence
_SENTENCE_END = re.compile(
    r"[。！？；…]+[”’」』）】\"')\]]*[ \t]*"  # Chinese and Japanese
    r"|(?<![A-Z.!?;])(?<!\b[a-z])[.!?;]++[”’\"')\]]*+[ \t]++"  # Latin, but not after an initial: "J. Smith"
    r"|\n+"
)
_SOFT_END = re.compile(r"[，、,：:]|\s")
_RULE = re.compile(r"\|(?:[ ]*:?-+:?[ ]*\|)+$")
_EXTENDING = re.compile(r"[\u0300-\u036f\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\u3099\u309a]")


@dataclass(frozen=True, slots=True)
class Atom:
    """Characters `start` to `end` of the whole text, within block number `block`. Atoms leave no gap in a block."""

    start: int
    end: int
    block: int


def document_atoms(blocks: Sequence[Block], starts: Sequence[int]) -> list[Atom]:
    """Return the atoms of all blocks; `starts` holds the offset of each block in the whole text."""
    return [
        Atom(starts[at] + begin, starts[at] + end, at)
        for at, block in enumerate(blocks)
        for begin, end in _ranges(block)
    ]


def table_header(text: str) -> str:
    """Return a markdown table's header and rule, "" for any other text."""
    head, _, rest = text.partition("\n")
    rule = rest.partition("\n")[0]
    return f"{head}\n{rule}" if _RULE.match(rule) else ""


def cut_middle(text: str) -> int:
    """Return where to cut a text of at least two characters in two: near its middle, after a sentence, word or line."""
    middle = len(text) // 2
    reach = max(1, len(text) // 4)
    window = text[middle - reach : middle + reach]
    for pattern in (_SENTENCE_END, _SOFT_END):
        ends = [found.end() for found in pattern.finditer(window)]
        if ends:
            best = min(ends, key=lambda end: abs(end - reach)) + middle - reach
            if 0 < best < len(text):
                return best
    return _whole_character(text, middle, 1)


def _ranges(block: Block) -> Iterator[tuple[int, int]]:
    if block.kind in {"table", "code"}:
        header = len(table_header(block.text)) if block.kind == "table" else 0
        yield from _lines(block.text, header)
    else:
        yield from _sentences(block.text)


def _lines(text: str, header: int) -> Iterator[tuple[int, int]]:
    """Yield the lines with their ends; the header of a table stays with its first row."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", max(begin, header + 1 if begin == 0 and header else begin))
        end = len(text) if end < 0 else end + 1
        if end - begin > MAX_LINE_CHARS:
            yield from _pieces(text, begin, end)
        else:
            yield begin, end
        begin = end


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for found in _SENTENCE_END.finditer(text):
        yield from _pieces(text, begin, found.end())
        begin = found.end()
    yield from _pieces(text, begin, len(text))


def _pieces(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence in pieces of at most MAX_ATOM_CHARS, cut after a comma or blank where there is one."""
    while end - begin > MAX_ATOM_CHARS:
        half = begin + MAX_ATOM_CHARS // 2
        ends = [found.end() for found in _SOFT_END.finditer(text, half, begin + MAX_ATOM_CHARS)]
        cut = ends[-1] if ends else _whole_character(text, begin + MAX_ATOM_CHARS, begin + 1)
        yield begin, cut
        begin = cut
    if end > begin:
        yield begin, end


def _whole_character(text: str, at: int, least: int) -> int:
    """Return `at` or a place a little before it that does not part an accent or an emoji from its base."""
    cut = at
    while cut > max(least, at - 16) and (_EXTENDING.match(text, cut) or text[cut - 1] == "\u200d"):
        cut -= 1
    return cut if cut > max(least, at - 16) else at
