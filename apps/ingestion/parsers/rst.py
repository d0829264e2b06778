"""Reads reStructuredText by docutils, with all directives that open files, run code or pass HTML on switched off."""

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.core import publish_doctree
from docutils.utils import Reporter

from apps.ingestion.parsers.cleaning import language_of, squeeze, table_markdown
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.text import read_text
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, BlockKind, ParsedDocument

SETTINGS: dict[str, Any] = {
    "file_insertion_enabled": False,  # include, csv-table :file:, raw :file:
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": Reporter.ERROR_LEVEL,  # an unknown directive becomes a message that holds its source
    "halt_level": Reporter.SEVERE_LEVEL + 1,
    "warning_stream": False,
    "line_length_limit": 100_000_000,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
}
_NEVER = (nodes.comment, nodes.substitution_definition, nodes.target, nodes.pending, nodes.raw)
_LISTS = (nodes.bullet_list, nodes.enumerated_list, nodes.definition_list, nodes.field_list, nodes.option_list)


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a reStructuredText file. Raises Refused for an empty one."""
    tree = publish_doctree(read_text(task), settings_overrides=SETTINGS)
    blocks = tuple(block for block in _Reader().read(tree, 0) if block.text.strip())
    if not blocks:
        raise Refused("empty")
    title = next((block.text for block in blocks if block.level), "")
    return ParsedDocument(blocks, title=title, language=language_of([block.text for block in blocks[:400]]))


class _Reader:
    """Walks docutils' tree."""

    def __init__(self) -> None:
        self._stack = HeadingStack()

    def read(self, node: nodes.Element, level: int) -> Iterator[Block]:
        """Yield the blocks below a node, in order; some have no text."""
        for child in node.children:
            if isinstance(child, nodes.Element) and not isinstance(child, _NEVER):
                yield from self._one(child, level)

    def _one(self, node: nodes.Element, level: int) -> Iterator[Block]:
        if isinstance(node, nodes.section):
            yield from self.read(node, level + 1)
        elif isinstance(node, nodes.title) and level:
            text = squeeze(node.astext())
            yield Block(text, "heading", heading_path=self._stack.push(level, text), level=level)
        elif isinstance(node, nodes.system_message):
            yield from self._message(node)
        elif isinstance(node, nodes.table):
            yield from self._table(node)
        else:
            yield from self._plain(node, level)

    def _message(self, node: nodes.system_message) -> Iterator[Block]:
        """Keep the words of a directive that docutils does not know, not of one that we switched off."""
        if "disabled" not in node.astext().split("\n")[0]:
            yield from (self._text(_unknown(inner.astext())) for inner in node.findall(nodes.literal_block))

    def _table(self, node: nodes.table) -> Iterator[Block]:
        caption = next(iter(node.findall(nodes.title)), None)
        if caption is not None:
            yield self._text(caption.astext(), "caption")
        rows = [[entry.astext() for entry in row.findall(nodes.entry)] for row in node.findall(nodes.row)]
        yield self._text(table_markdown(rows), "table")

    def _plain(self, node: nodes.Element, level: int) -> Iterator[Block]:
        if isinstance(node, _LISTS):
            yield self._text("\n".join(_lines(node, 0)), "list")
        elif isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
            yield self._text(node.astext().strip("\n"), "code")
        elif isinstance(node, nodes.image):
            yield self._text(str(node.get("alt", "")), "caption")
        elif isinstance(node, nodes.footnote | nodes.citation):
            yield self._text(squeeze(node.astext()), "note")
        elif isinstance(node, nodes.TextElement):
            yield self._text(squeeze(node.astext()))
        else:
            yield from self.read(node, level)

    def _text(self, text: str, kind: BlockKind = "text") -> Block:
        return Block(text, kind, heading_path=self._stack.path)


def _unknown(source: str) -> str:
    """Return the words of a directive without its own first line and options."""
    lines = source.split("\n")
    first = lines[0].partition("::")[2].strip() if lines[0].startswith("..") else lines[0]
    rest = [line.strip() for line in lines[1:] if not line.strip().startswith(":")]
    return squeeze("\n".join([first, *rest]))


def _lines(node: nodes.Element, depth: int) -> Iterator[str]:
    """Yield one line an item, nested lists indented by two spaces a level."""
    number = int(node.get("start", 1)) if isinstance(node, nodes.enumerated_list) else 0
    for item in node.children:
        if not isinstance(item, nodes.Element):
            continue
        mark = f"{number}. " if number else "- "
        number += bool(number)
        parts = [part for child in item.children for part in _flat(child)]
        words = [part.astext() for part in parts if not isinstance(part, _LISTS)]
        yield "  " * depth + mark + " ".join(" ".join(words).split())
        for part in parts:
            if isinstance(part, _LISTS):
                yield from _lines(part, depth + 1)


def _flat(node: nodes.Node) -> Iterator[nodes.Node | Any]:
    """Yield what an item holds; a definition's contents count as the item's own."""
    if isinstance(node, nodes.definition | nodes.field_body | nodes.description):
        yield from node.children
    else:
        yield node
