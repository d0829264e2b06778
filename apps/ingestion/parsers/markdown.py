"""Reads Markdown by the tokens of markdown-it-py: heading paths, code, tables, lists, front matter."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin

from apps.ingestion.parsers.cleaning import language_of, table_markdown
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.text import read_text
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument

MAX_INLINE_CHARS = 20_000  # above it the markup stays as it is: inline rules can take quadratic time
_TITLE = re.compile(r"^title:[ \t]*(.{1,300})$", re.MULTILINE)
_TAGS = re.compile(r"</?[a-zA-Z][^<>]{0,500}>|<!--(?:[^-]|-(?!->))*+(?:-->|\Z)")
_HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a Markdown file. Headings keep their words, not their marks."""
    reader = _reader()
    blocks = tuple(reader.read(read_text(task)))
    if not blocks:
        raise Refused("empty")
    return ParsedDocument(blocks, title=reader.title, language=language_of([block.text for block in blocks[:400]]))


def read_markdown(source: str, headings: HeadingStack) -> Iterator[Block]:
    """Yield the blocks of a Markdown text, maybe none; its headings go on from those given."""
    yield from _reader(headings).read(source)


def _reader(headings: HeadingStack | None = None) -> "_Reader":
    markdown = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table").use(front_matter_plugin)
    return _Reader(markdown, headings or HeadingStack())


class _Reader:
    """Turns block tokens into blocks. Inline tokens are made only for those that need them."""

    def __init__(self, markdown: MarkdownIt, headings: HeadingStack) -> None:
        self._markdown = markdown
        self._inline = MarkdownIt("commonmark", {"maxNesting": 20})
        self._markdown.core.ruler.disable(["inline", "text_join"])
        self._stack = headings
        self.title = ""

    def read(self, source: str) -> Iterator[Block]:
        """Yield the blocks of a source, in order."""
        tokens = self._markdown.parse(source)
        at = 0
        while at < len(tokens):
            end = _closing(tokens, at)
            yield from self._block(tokens[at : end + 1])
            at = end + 1

    def _block(self, tokens: list[Token]) -> Iterator[Block]:
        first = tokens[0]
        path = self._stack.path
        if first.type == "front_matter":
            found = _TITLE.search(first.content)
            self.title = found[1].strip().strip("\"'") if found else ""
        elif first.type == "heading_open":
            text = " ".join(self._words(tokens[1].content).split())
            if text:
                level = int(first.tag[1])
                yield Block(text, "heading", heading_path=self._stack.push(level, text), level=level)
        elif first.type in {"fence", "code_block"}:
            if first.content.strip():
                yield Block(first.content.strip("\n"), "code", heading_path=path)
        elif first.type == "table_open":
            text = table_markdown(self._rows(tokens))
            if text:
                yield Block(text, "table", heading_path=path)
        else:
            yield from self._prose(tokens, path)

    def _prose(self, tokens: list[Token], path: tuple[str, ...]) -> Iterator[Block]:
        """Yield a paragraph, a quotation, a list as one block, or the words of raw HTML."""
        first = tokens[0]
        is_list = first.type in {"bullet_list_open", "ordered_list_open"}
        lines = self._list_lines(tokens) if is_list else [self._text_of(token) for token in tokens]
        text = "\n".join(line for line in lines if line.strip())
        if text.strip():
            yield Block(text, "list" if is_list else "text", heading_path=path)

    def _text_of(self, token: Token) -> str:
        if token.type == "html_block":
            return _TAGS.sub(" ", _HIDDEN.sub(" ", token.content)).strip()
        if token.type in {"fence", "code_block"}:
            return token.content.strip("\n")
        return self._words(token.content) if token.type == "inline" else ""

    def _list_lines(self, tokens: list[Token]) -> list[str]:
        """Return one line per item, with its mark, indented by two spaces a level."""
        lines: list[str] = []
        depth, mark = -1, ""
        for token in tokens:
            if token.type.endswith("_list_open"):
                depth += 1
            elif token.type.endswith("_list_close"):
                depth -= 1
            elif token.type == "list_item_open":
                mark = f"{token.info}{token.markup} " if token.info else "- "
            else:
                text = self._text_of(token)
                if text.strip():
                    lines.append("  " * max(0, depth) + (mark or "  ") + text)
                    mark = ""
        return lines

    def _rows(self, tokens: list[Token]) -> list[list[str]]:
        rows: list[list[str]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(self._words(token.content))
        return rows

    def _words(self, content: str) -> str:
        """Return inline Markdown as it reads: link texts, image descriptions, code, no marks."""
        if len(content) > MAX_INLINE_CHARS:
            return content
        parts = [
            part
            for token in self._inline.parseInline(content)
            for child in token.children or ()
            for part in _inline_text(child)
        ]
        return "".join(parts).strip()


def _inline_text(token: Token) -> Iterator[str]:
    if token.type in {"text", "code_inline", "image"}:
        yield token.content
    elif token.type in {"softbreak", "hardbreak"}:
        yield "\n"


def _closing(tokens: list[Token], at: int) -> int:
    """Return the index of the token that closes the one at `at`; `at` itself for one that stands alone."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += tokens[index].nesting
        if depth <= 0:
            return index
    return len(tokens) - 1
