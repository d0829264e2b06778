"""Reads XML of any kind: articles (JATS, DocBook, FictionBook) by their sections, data by its records, feeds.

A document type that only names its DTD is set aside, never loaded; one with a subset of its own is refused.
"""

import html.entities
import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from apps.ingestion.parsers.cleaning import language_of, one_line, squeeze, table_markdown
from apps.ingestion.parsers.encodings import bom_encoding, decode
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.html import read_page
from apps.ingestion.parsers.types import Refused, Task
from apps.ingestion.parsers.xml_stream import root_of
from apps.libraries.types import Block, BlockKind, ParsedDocument

PROLOG = 65_536
MAX_DEPTH = 300  # lxml itself stops at 256
_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})[\"']", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_DOCTYPE = re.compile(r"<!DOCTYPE\s[^\[<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_PREDEFINED = frozenset({"amp", "lt", "gt", "quot", "apos"})
_TITLES = frozenset({"title", "head", "heading", "article-title", "chapter-title"})
_TABLES = frozenset({"table", "tgroup", "informaltable"})
_ROWS, _CELLS = frozenset({"tr", "row"}), frozenset({"td", "th", "entry", "cell"})
_LISTS, _ITEMS = (
    frozenset({"list", "itemizedlist", "orderedlist", "ul", "ol"}),
    frozenset({"list-item", "listitem", "li"}),
)
_CODE = frozenset({"code", "programlisting", "screen", "pre", "preformat"})
_NEVER = frozenset(
    {"math", "tex-math", "binary", "script", "style", "svg"}
) | frozenset(  # and what JATS keeps for libraries
    {
        "journal-meta",
        "article-id",
        "article-categories",
        "permissions",
        "pub-date",
        "history",
        "counts",
        "custom-meta-group",
    }
)
_MARKUP = re.compile(r"</?(?:p|br|div|a|b|i|ul|li|img|span|h[1-6])\b[^>]{0,500}>", re.IGNORECASE)


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of an XML file. Raises Refused for entities, damage and files without words."""
    root = root_of(source_of(Path(task.path).read_bytes(), task.limits.max_chars), task.name, is_lenient=True)
    if root is None:
        raise Refused("empty")
    blocks = tuple(_Reader().read(root))
    if not blocks:
        raise Refused("empty")
    title = next((element for element in root.iter() if _tag(element) in _TITLES), None)
    language = language_of([block.text for block in blocks[:400]])
    return ParsedDocument(blocks, title=_words(title)[:300] if title is not None else "", language=language)


def source_of(data: bytes, max_chars: int) -> bytes:
    """Return XML as UTF-8 without declaration and document type; entities known from HTML become characters."""
    declared = _DECLARED.match(data[:400])
    text = ""
    if declared and not bom_encoding(data):
        try:
            text = data.decode(declared[1].decode())
        except (LookupError, UnicodeDecodeError, ValueError):
            text = ""
    text = (text or decode(data)).lstrip("\ufeff")
    if len(text) > max_chars * 4:
        raise Refused("too-much-text", limit=max_chars)
    head, rest = text[:PROLOG], text[PROLOG:]
    head = _DOCTYPE.sub("", _DECLARATION.sub("", head, count=1), count=1)
    return _ENTITY.sub(_character, head + rest).encode("utf-8", "replace")


def _character(found: re.Match[str]) -> str:
    point = html.entities.name2codepoint.get(found[1])
    return found[0] if point is None or found[1] in _PREDEFINED else chr(point)


def _tag(element: etree._Element) -> str:
    """Return an element's name without its namespace, "" for comments and the like."""
    return name_of(element).lower()


def name_of(element: etree._Element) -> str:
    """Return an element's name as it is written, without its namespace."""
    tag: object = element.tag  # a comment's is a function, whatever the stubs say
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _words(element: etree._Element) -> str:
    return one_line("".join(map(str, element.itertext())))


class _Reader:
    """Walks a tree. Sections nest by the titles of the elements around."""

    def __init__(self) -> None:
        self._stack = HeadingStack()

    def read(self, element: etree._Element, level: int = 0, depth: int = 0) -> Iterator[Block]:
        """Yield the blocks of an element, in order."""
        tag = _tag(element)
        if not tag or tag in _NEVER or depth > MAX_DEPTH:
            return
        whole = self._whole(element, tag, level)
        if whole is not None:
            yield from whole
            return
        inner = level + any(_tag(child) in _TITLES for child in element)
        for child in element:
            yield from self.read(child, inner, depth + 1)

    def _whole(self, element: etree._Element, tag: str, level: int) -> Iterator[Block] | None:
        """Return the blocks of an element that is read as one; None where its children are read one by one."""
        if tag in _TITLES and level:
            return self._heading(element, level)
        if tag in _TABLES:
            return self._table(element)
        if tag in _CODE:
            return self._block("".join(map(str, element.itertext())).strip("\n"), "code")
        if tag in _LISTS:
            items = [_words(item) for item in element if _tag(item) in _ITEMS]
            return self._block("\n".join(f"- {item}" for item in items if item), "list")
        if _is_prose(element):
            return self._prose(element)
        return self._block("\n".join(_fields(element)), "text") if _is_record(element) else None

    def _heading(self, element: etree._Element, level: int) -> Iterator[Block]:
        text = _words(element)
        if text:
            yield Block(text, "heading", heading_path=self._stack.push(level, text), level=level)

    def _table(self, element: etree._Element) -> Iterator[Block]:
        rows = [[_words(cell) for cell in row if _tag(cell) in _CELLS] for row in element.iter() if _tag(row) in _ROWS]
        text = table_markdown(rows)
        if text:
            yield Block(text, "table", heading_path=self._stack.path)

    def _prose(self, element: etree._Element) -> Iterator[Block]:
        text = "".join(str(part) for part in element.itertext())
        if _MARKUP.search(text):  # a feed's HTML, escaped
            for block in read_page(text).blocks:
                yield Block(block.text, "text" if block.level else block.kind, heading_path=self._stack.path)
            return
        yield from self._block(squeeze(" ".join(text.split())), "text")

    def _block(self, text: str, kind: BlockKind) -> Iterator[Block]:
        if text.strip():
            yield Block(text, kind, heading_path=self._stack.path)


def _is_prose(element: etree._Element) -> bool:
    """Return whether an element has words of its own, between or instead of children."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _is_record(element: etree._Element) -> bool:
    """Return whether an element is a row of data: children without children of their own, or attributes alone."""
    children = [child for child in element if _tag(child)]
    if not children:
        return bool(element.attrib)
    return all(len(child) == 0 and _tag(child) not in _TABLES | _CODE for child in children) and not _is_section(
        children
    )


def _is_section(children: list[etree._Element]) -> bool:
    """Return whether children are a title and paragraphs, rather than fields."""
    return all(_tag(child) in _TITLES | {"p", "para", "label"} for child in children)


def _fields(element: etree._Element) -> Iterator[str]:
    """Yield "name: value" for the attributes and children of a record."""
    for name, value in _attributes(element):
        yield f"{name}: {value}"
    for child in element:
        text = _words(child)
        if _MARKUP.search(text):
            text = one_line(" ".join(block.text for block in read_page(text).blocks))
        told = text or ", ".join(f"{name}={value}" for name, value in _attributes(child))
        if told and _tag(child):
            yield f"{_tag(child)}: {told}"


def _attributes(element: etree._Element) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        if str(value).strip() and not str(name).startswith("{"):
            yield str(name), one_line(str(value))
