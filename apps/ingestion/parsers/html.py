"""Reads HTML by selectolax (Lexbor): what a reader sees, without navigation, scripts and hidden parts."""

import re
from collections.abc import Iterator
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from apps.ingestion.parsers.cleaning import clean, language_of, one_line, squeeze, table_markdown
from apps.ingestion.parsers.encodings import bom_encoding, decode
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, BlockKind, ParsedDocument

_MAX_DIGITS = 4
META_WINDOW = 65_536
MAX_CELL_CHARS = 1_000  # a table with a longer cell lays out a page rather than data
_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w:.-]{2,40})", re.IGNORECASE)
_NEVER = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "math",
        "canvas",
        "iframe",
        "object",
        "embed",
        "head",
        "link",
        "meta",
        "select",
        "button",
        "dialog",
        "audio",
        "video",
        "map",
        "datalist",
        "textarea",
        "input",
    ]
)
_BREAKING = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "html",
        "legend",
        "main",
        "nav",
        "p",
        "section",
        "summary",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "caption",
    ]
)
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_WHITE = re.compile(r"[ \t\r\n\f]+")
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "menu"})
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_ALIASES = {"gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "shift_jis": "cp932", "x-sjis": "cp932"}
_ALIASES |= {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "utf-16": "utf-8", "utf-16le": "utf-8"}


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a page's main content."""
    source = decode_html(Path(task.path).read_bytes())
    if len(source) > task.limits.max_chars * 4:
        raise Refused("too-much-text", limit=task.limits.max_chars)
    page = read_page(source)
    if not page.blocks:
        raise Refused("empty")
    return page


def read_page(source: str, headings: HeadingStack | None = None) -> ParsedDocument:
    """Return what a page holds, maybe nothing; its headings go on from those given, as in the chapters of a book."""
    tree = LexborHTMLParser(source)
    title = tree.css_first("title")
    root = tree.body or tree.root
    blocks: tuple[Block, ...] = ()
    if root is not None:
        main = _main(root)
        blocks = tuple(_Reader(headings, is_cut_out=main is not None).read(main or root)) or tuple(
            _Reader(headings, is_cut_out=False).read(root)
        )
    language = language_of([block.text for block in blocks[:400]])
    return ParsedDocument(blocks, title=one_line(title.text())[:300] if title else "", language=language)


def decode_html(data: bytes) -> str:
    """Return the page's text: by its byte order mark, by what it declares if that holds, else by its bytes."""
    declared = _CHARSET.search(data[:META_WINDOW])
    if declared and not bom_encoding(data):
        name = declared[1].decode("ascii").lower()
        try:
            return data.decode(_ALIASES.get(name, name))
        except (UnicodeDecodeError, LookupError, ValueError):
            return decode(data)
    return decode(data)


def _main(root: LexborNode) -> LexborNode | None:
    """Return the element that holds the content, where the page says which, and only if most text is in it."""
    found = root.css_first("main, [role=main]") or root.css_first("article")
    if found is None or (len(root.css("article")) > 1 and found.tag == "article"):
        return None
    return found if len(found.text()) * 4 > len(root.text()) else None


class _Reader:
    """Walks the tree with a stack of its own, so that no depth of nesting can exhaust Python's."""

    def __init__(self, headings: HeadingStack | None, *, is_cut_out: bool) -> None:
        self._skipped = _NEVER | {"nav", "aside", "footer"} if is_cut_out else _NEVER | {"nav"}
        self._headings = headings or HeadingStack()
        self._words: list[str] = []
        self._items: list[str] = []
        self._lists: list[int] = []  # the next number of each open list, 0 for one with bullets
        self._mark = ""

    def read(self, root: LexborNode) -> Iterator[Block]:
        """Yield the blocks below `root`, in order."""
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, is_left = stack.pop()
            if is_left:
                yield from self._leave(node)
            elif node.tag == "-text":
                self._words.append(_WHITE.sub(" ", node.text_content or ""))
            elif not self._is_skipped(node):
                yield from self._enter(node, stack)
        yield from self._finish_list()

    def _is_skipped(self, node: LexborNode) -> bool:
        tag = node.tag
        if tag is None or tag in self._skipped or tag.startswith("-"):
            return True
        return _is_hidden(node)

    def _enter(self, node: LexborNode, stack: list[tuple[LexborNode, bool]]) -> Iterator[Block]:
        """Handle an element: whole if it is a heading, table or code, else by its children."""
        tag = node.tag or ""
        if tag == "br":
            self._words.append("\n")
            return
        if tag in _HEADINGS or tag == "pre" or (tag == "table" and _is_data(node)):
            yield from self._finish_list()
            yield from self._whole(node, tag)
            return
        if tag in _BREAKING or tag in {"ul", "ol", "li"}:
            yield from self._break()
            self._open(node, tag)
            stack.append((node, True))
        stack += [(child, False) for child in reversed(list(node.iter(include_text=True)))]

    def _open(self, node: LexborNode, tag: str) -> None:
        if tag in {"ul", "ol"}:
            self._lists.append(1 if tag == "ol" else 0)
        elif tag == "li":
            number = self._lists[-1] if self._lists else 0
            self._mark = f"{number}. " if number else "- "
            if number:
                self._lists[-1] += 1

    def _leave(self, node: LexborNode) -> Iterator[Block]:
        yield from self._break(kind="caption" if node.tag in {"caption", "figcaption"} else "text")
        if node.tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
            if not self._lists:
                yield from self._finish_list()

    def _whole(self, node: LexborNode, tag: str) -> Iterator[Block]:
        kind: BlockKind
        level = 0
        if tag == "table":
            caption = next((child for child in node.iter() if child.tag == "caption"), None)
            if caption is not None and (words := squeeze(visible_text(caption))):
                yield Block(words, "caption", heading_path=self._headings.path)
            text, kind = table_markdown(_rows(node)), "table"
        elif tag == "pre":
            text, kind = clean(visible_text(node, keep_lines=True)).strip("\n"), "code"
        else:
            text, kind, level = one_line(visible_text(node)), "heading", int(tag[1])
            if text:
                self._headings.push(level, text)
        if text.strip():
            yield Block(text, kind, heading_path=self._headings.path, level=level)

    def _break(self, kind: BlockKind = "text") -> Iterator[Block]:
        """End the present paragraph: a line of the open list, or a block."""
        text = squeeze("".join(self._words))
        self._words.clear()
        if not text:
            return
        if self._lists:
            self._items.append("  " * (len(self._lists) - 1) + (self._mark or "  ") + text)
            self._mark = ""
        else:  # two <br> in a row are an old way to end a paragraph
            for part in text.split("\n\n"):
                if part.strip():
                    yield Block(part.strip("\n"), kind, heading_path=self._headings.path)

    def _finish_list(self) -> Iterator[Block]:
        yield from self._break()
        if self._items:
            yield Block("\n".join(self._items), "list", heading_path=self._headings.path)
            self._items.clear()


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    if "hidden" in attributes or attributes.get("role") in _ROLES:
        return True
    style = attributes.get("style")
    return bool(style and _INVISIBLE.search(style))


def visible_text(root: LexborNode, *, keep_lines: bool = False) -> str:
    """Return the text below `root` that a reader sees; line ends of the source count only in <pre>."""
    parts: list[str] = []
    stack = [root]
    while stack:
        node = stack.pop()
        tag = node.tag or ""
        if tag == "-text":
            parts.append(node.text_content or "")
        elif tag == "br":
            parts.append("\n")
        elif tag not in _NEVER and not tag.startswith("-") and not _is_hidden(node):
            if tag in _BREAKING and not keep_lines:
                parts.append(" ")
            stack += reversed(list(node.iter(include_text=True)))
    return "".join(parts)


def _is_data(table: LexborNode) -> bool:
    """Return whether a table holds data: several columns of short cells, no table or heading within."""
    if table.css_first("table table, h1, h2, h3, pre") is not None or table.css("table")[1:]:
        return False
    rows = _rows(table)
    if max((len(row) for row in rows), default=0) <= 1:
        return False
    return all(len(cell) <= MAX_CELL_CHARS for row in rows for cell in row)


def _rows(table: LexborNode) -> list[list[str]]:
    """Return the cells' texts; a cell that spans columns is followed by empty ones."""
    rows: list[list[str]] = []
    for row in table.css("tr"):
        if _is_hidden(row):
            continue
        cells: list[str] = []
        for cell in row.iter():
            if cell.tag in {"td", "th"} and not _is_hidden(cell):
                cells += [one_line(visible_text(cell)), *[""] * (_span(cell) - 1)]
        rows.append(cells)
    return rows


def _span(cell: LexborNode) -> int:
    value = cell.attributes.get("colspan") or ""
    return min(100, max(1, int(value))) if value.isdecimal() and len(value) <= _MAX_DIGITS else 1
