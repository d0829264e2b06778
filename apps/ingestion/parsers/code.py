"""Reads source code: one block for each definition at the top, and for each within a long one; by lines, any language.

Nothing is executed or compiled. A definition is a line that begins one by its looks; comments, decorators and
attributes right above belong to it. Its first words are the heading path of its block.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath

from apps.ingestion.formats import CODE
from apps.ingestion.parsers.cleaning import language_of
from apps.ingestion.parsers.headings import MAX_HEADING_CHARS
from apps.ingestion.parsers.text import read_text
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument

LONG_LINES = 120  # a definition of more lines is cut at the definitions within it
PIECE_LINES = 60  # what has no definitions is cut at blank lines into pieces of about so many lines
WINDOW_LINES = 6  # over which the head of a definition may run
MAX_LINE_CHARS = 2_000  # a longer one was written by a program
_MODIFIERS = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|sealed|async|override|open|"
    r"virtual|inline|unsafe|extern|const|constexpr|pub(?:\([a-z]+\))?|partial|data|suspend|synchronized|native)\s+)*+"
)
_KEYWORDS = (
    r"def|class|function|func|fn|fun|sub|struct|enum|interface|trait|impl|type|module|namespace|package|protocol|"
    r"extension|object|record|union|macro_rules!|macro|procedure|message|service|rpc|resource|contract|library|"
    r"defmodule|defp?|defmacro|typedef|template"
)
_KEYWORD = re.compile(
    rf"{_MODIFIERS}(?:{_KEYWORDS})\b\s*(?:<[^>\n]{{0,200}}>\s*)?(?:\([^)\n]{{0,200}}\)\s*)?[\w$.:?!]*+"
)
_ASSIGNED = re.compile(
    r"(?:export\s+)?(?:default\s+)?(?:const|let|var|val)\s+([\w$]+)\s*=\s*"
    r"(?:async\s+)?(?:function\b|class\b|\([^)\n]{0,300}\)\s*=>|\w+\s*=>)"
)
_C_LIKE = re.compile(
    r"(?:[A-Za-z_][\w<>,:*&\[\]]{0,80}[ \t*&]+){1,6}([A-Za-z_~][\w:~]*)\s*\([^;{}]{0,400}\)[^;{}()]{0,60}\{"
)
_METHOD = re.compile(r"(?:async\s+)?\*?([A-Za-z_$][\w$]*)\s*\([^;{}\n]{0,300}\)\s*\{")
_SQL = re.compile(r"(?:create|alter|drop|insert|update|delete|select|with|grant)\b[^\n(]{0,80}", re.IGNORECASE)
_SECTION = re.compile(r"\[\[?([^\]\n]{1,100})\]\]?\s*$|([A-Za-z_][\w.-]{0,80}):(?:\s|$)")
_LEADING = ("# ", "#[", "#!", "//", "/*", "*", "--", ";", "@", "<!--", "%")
_FLOW = frozenset({"if", "for", "while", "switch", "catch", "else", "return", "do", "try", "with", "elif", "except"})
_SECTIONED = frozenset({"yaml", "toml", "ini", "nginx", "properties"})


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines of the source, and what they define, "" for nothing."""

    start: int
    end: int
    name: str


def parse(task: Task) -> ParsedDocument:
    """Return the definitions of a source file as code blocks. Raises Refused for an empty one."""
    lines = read_text(task).expandtabs(4).split("\n")
    alias = language_alias(task.name)
    blocks = tuple(_blocks(lines, alias, (), 0))
    if not blocks:
        raise Refused("empty")
    language = language_of([block.text for block in blocks[:100]])
    return ParsedDocument(blocks, language=language, facts={"language": language_name(alias)} if alias else {})


def language_alias(name: str) -> str:
    """Return the alias of the Pygments lexer for a file's name, "" for an unknown one."""
    return CODE.get(PurePath(name).suffix.lower()) or CODE.get(name.lower(), "")


def language_name(alias: str) -> str:
    """Return what people call a language."""
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415  only source code needs it
    from pygments.util import ClassNotFound  # noqa: PLC0415

    try:
        return str(get_lexer_by_name(alias).name)
    except ClassNotFound:
        return alias


def _blocks(lines: Sequence[str], alias: str, above: tuple[str, ...], indent: int) -> Iterator[Block]:
    """Yield the pieces of some lines; those that are long and hold definitions are cut once more."""
    for piece in _pieces(lines, alias, indent):
        body = lines[piece.start : piece.end]
        path = (*above, piece.name[:MAX_HEADING_CHARS]) if piece.name else above
        inner = _inner_indent(body, indent) if len(body) > LONG_LINES and piece.name and not above else 0
        if inner:
            yield from _blocks(body, alias, path, inner)
            continue
        for part in _cut(body):
            text = "\n".join(part).strip("\n")
            if text.strip():
                yield Block(text, "code", heading_path=path)


def _pieces(lines: Sequence[str], alias: str, indent: int) -> Iterator[_Piece]:
    """Yield the lines between one definition's beginning and the next one's."""
    edges = [(0, "")]
    for number, line in enumerate(lines):
        if _indent(line) == indent and (name := _definition(lines, number, alias)):
            edges.append((_with_comments(lines, number, edges[-1][0], indent), name))
    for (start, name), (end, _next) in pairwise([*edges, (len(lines), "")]):
        if start < end:
            yield _Piece(start, end, name)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _definition(lines: Sequence[str], number: int, alias: str) -> str:
    """Return what a line defines by its first words ("def parse", "tool.ruff"), "" for nothing."""
    line = lines[number].strip()
    if not line or line[0] in "#/*})]'\"" or len(line) > MAX_LINE_CHARS:
        return ""
    if alias in _SECTIONED:
        found = _SECTION.match(line)
        return (found[1] or found[2] or "") if found else ""
    if alias == "sql":
        found = _SQL.match(line)
        return found[0].strip() if found else ""
    return _named(line, "\n".join(part[:MAX_LINE_CHARS] for part in lines[number : number + WINDOW_LINES]).strip())


def _named(line: str, window: str) -> str:
    keyword = _KEYWORD.match(line)
    if keyword:
        return keyword[0].strip(" :{(")
    if re.split(r"\W", line, maxsplit=1)[0] in _FLOW:
        return ""
    for pattern, text in ((_ASSIGNED, line), (_C_LIKE, window), (_METHOD, window)):
        found = pattern.match(text)
        if found and found[1] not in _FLOW:
            return found[1]
    return ""


def _with_comments(lines: Sequence[str], number: int, floor: int, indent: int) -> int:
    """Return where a definition begins with the comments, decorators and attributes above it."""
    while number > floor and lines[number - 1].strip().startswith(_LEADING) and _indent(lines[number - 1]) >= indent:
        number -= 1
    return number


def _inner_indent(body: Sequence[str], indent: int) -> int:
    """Return the indentation of what stands directly within a definition, 0 where nothing does."""
    depths = (_indent(line) for line in body if line.strip() and not line.strip().startswith("*"))
    return min((depth for depth in depths if depth > indent), default=0)


def _cut(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield pieces of about PIECE_LINES lines, cut at blank lines; what is not long stays whole."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if not line.strip() and len(held) >= PIECE_LINES and len(lines) > LONG_LINES:
            yield held
            held = []
    yield held
