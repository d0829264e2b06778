"""Markdown of models and documents as safe HTML, and the point up to which a growing text is settled.

Raw HTML is text, images are links that nobody follows for the reader, reference definitions do not exist (so a
block means the same alone as within the whole text), and nh3's allow-list has the last word.
"""

import hashlib
import html
import re
from collections.abc import Collection, Iterator, MutableMapping, Sequence
from functools import cache
from typing import Any

import nh3
from django.core.cache import cache as store
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

Env = MutableMapping[str, Any]

REVISION = "2"  # part of the cache key: raise it when the output changes
CACHE_S = 24 * 3600
MAX_CHARS = 300_000  # longer texts are shown as they are
MAX_COSTLY = 25_000  # brackets and bars cost about 12 µs each; more of them are shown as they are
MAX_CODE_CHARS = 20_000  # longer code is not coloured

LINK_SCHEMES = ("http://", "https://", "mailto:")
TAGS = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title", "class", "data-cite", "target"},
    "code": {"class"},
    "div": {"class"},
    "span": {"class", "data-support"},
    "ol": {"start"},
    "th": {"style"},
    "td": {"style"},
}
_CITE_HREF = re.compile(r"#cite-\d{1,3}")
_CITE = re.compile(r"\[(\d{1,3})\](?!\()")
# Around a stretch to be marked: rare brackets; markdown takes them for punctuation and so leaves emphasis alone.
_OPEN, _CLOSE = "\u2e28", "\u2e29"
_BRACKETS = re.compile(f"([{_OPEN}{_CLOSE}])")
_LEAD = re.compile(r"\s*(?:(?:[-*+•>]|\d{1,9}[.)]|#{1,6})\s+)*")  # of a list item, a heading or a quotation
_MARKS = re.compile(r"[a-z]{1,20}")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#._-]{1,30}")


Stretch = tuple[int, int, str]  # start and end in the text, and the mark: one lower case word


def render(text: str, numbers: Collection[int] = (), stretches: Sequence[Stretch] = ()) -> str:
    """Return safe HTML. Marks `[n]` become citation links for the numbers given; others stay text.

    The text of `stretches`, which must not overlap, is wrapped in spans with `data-support="<mark>"`.
    """
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate cannot be written to a page
    if len(text) > MAX_CHARS or sum(map(text.count, "[|(")) > MAX_COSTLY:
        return f'<div class="md-plain">{html.escape(text)}</div>'
    text = _bracketed(text, stretches)
    return nh3.clean(
        _parser().render(text, {"numbers": frozenset(numbers), "marks": [mark for _start, _end, mark in stretches]}),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_keep_attribute,
        filter_style_properties={"text-align"},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def render_cached(text: str, numbers: Collection[int] = (), stretches: Sequence[Stretch] = ()) -> str:
    """Return what `render` does, kept for a day: a page with fifty answers need not render them each time."""
    digest = hashlib.sha256(
        f"{sorted(numbers)}\0{list(stretches)}\0{text}".encode("utf-8", "surrogatepass")
    ).hexdigest()
    key = f"markdown:{REVISION}:{digest}"
    known = store.get(key)
    if isinstance(known, str):
        return known
    made = render(text, numbers, stretches)
    store.set(key, made, CACHE_S)
    return made


def _bracketed(text: str, stretches: Sequence[Stretch]) -> str:
    """Return the text with brackets around the stretches, behind what makes a list item or a heading of their line."""
    text = text.replace(_OPEN, "(").replace(_CLOSE, ")")
    for start, end, _mark in reversed(stretches):
        lead = _LEAD.match(text, start, end)
        begin = lead.end() if lead else start
        text = f"{text[:begin]}{_OPEN}{text[begin:end]}{_CLOSE}{text[end:]}"
    return text


def _keep_attribute(tag: str, attribute: str, value: str) -> str | None:
    """Drop links to our own pages and anything unusual: a model must not lead people to an address of ours."""
    if (tag, attribute) == ("a", "href"):
        return value if value.lower().startswith(LINK_SCHEMES) or _CITE_HREF.fullmatch(value) else None
    if (tag, attribute) == ("span", "data-support"):
        return value if _MARKS.fullmatch(value) else None
    return value


@cache
def _parser() -> MarkdownIt:
    """Return the one parser; it keeps no state between texts."""
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "highlight": _coloured})
    parser.enable(["table", "strikethrough"])
    parser.disable(["reference", "html_block", "html_inline"])
    parser.inline.ruler.before("link", "citation", _citation)
    parser.validateLink = lambda url: url.strip().lower().startswith(LINK_SCHEMES)  # type: ignore[method-assign]
    normal = parser.normalizeLink
    parser.normalizeLink = lambda url: normal(_BRACKETS.sub("", url))  # type: ignore[method-assign]
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("table_open", lambda *_: '<div class="md-table"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    parser.core.ruler.push("stretches", _mark_stretches)
    parser.add_render_rule("marked", _marked)
    parser.add_render_rule("citation", lambda _renderer, tokens, index, *_: tokens[index].content)
    return parser


def _citation(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  (markdown-it's signature)
    """Inline rule: `[3]` is a citation where 3 is a number of this text."""
    match = _CITE.match(state.src, state.pos)
    if match is None or int(match[1]) not in state.env.get("numbers", ()):
        return False
    if not silent:
        number = int(match[1])
        token = state.push("citation", "", 0)
        token.content = f'<a class="cite" data-cite="{number}" href="#cite-{number}">{number}</a>'
    state.pos = match.end()
    return True


def _mark_stretches(state: StateCore) -> None:
    """Core rule: take the brackets out again, and make marked text of what stands between them."""
    marks = iter(state.env.get("marks", ()))
    mark = ""
    for block in state.tokens:
        if block.type != "inline":
            block.content = _BRACKETS.sub("", block.content)
            continue
        children: list[Token] = []
        for token in block.children or ():
            if token.type == "text":
                pieces, mark = _pieces(token.content, mark, marks)
                children += pieces
                continue
            for bracket in _BRACKETS.findall(token.content):
                mark = next(marks, "") if bracket == _OPEN else ""
            token.content = _BRACKETS.sub("", token.content)
            token.attrs = {name: _BRACKETS.sub("", str(value)) for name, value in token.attrs.items()}
            children.append(token)
        block.children = children


def _pieces(text: str, mark: str, marks: Iterator[str]) -> tuple[list[Token], str]:
    """Return a text cut at its brackets, and the mark that holds behind it."""
    found: list[Token] = []
    for piece in _BRACKETS.split(text):
        if piece in {_OPEN, _CLOSE}:
            mark = next(marks, "") if piece == _OPEN else ""
        elif piece:
            found.append(Token("marked" if mark else "text", "", 0, content=piece, info=mark))
    return found, mark


def _marked(_renderer: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: Env) -> str:
    token = tokens[index]
    return f'<span data-support="{html.escape(token.info)}">{html.escape(token.content)}</span>'


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: Env) -> str:
    """Open links elsewhere, with the full address as their title so that it is seen before the click."""
    token = tokens[index]
    token.attrSet("title", str(token.attrGet("href") or ""))
    token.attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, env)


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: Env) -> str:
    """Show an image as a link with its text: loading it would tell its server what the text holds."""
    token = tokens[index]
    address = html.escape(str(token.attrGet("src") or ""))
    label = html.escape(token.content) or address
    return f'<a class="md-image" href="{address}" title="{address}" target="_blank">{label}</a>'


def _coloured(code: str, language: str, _attributes: str) -> str:
    """Return highlighted HTML for a known language, else an empty string: markdown-it then escapes the code."""
    if len(code) > MAX_CODE_CHARS or not _LANGUAGE.fullmatch(language):
        return ""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    coloured: str = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return coloured


_FENCE = re.compile(r"([ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(`{3,}(?=[^`]*$)|~{3,})(.*)")
_CODE_INDENT = 4
_LIST = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_LIST_START = frozenset("-*+0123456789")


def split_sealed(text: str) -> tuple[str, str]:
    """Return (sealed, tail): blocks that no further text can change, and the rest.

    Lossless: `sealed + tail == text`. Monotone: the sealed part of a longer text starts with that of a shorter
    one. A seal lies after a blank line, where the next line has begun and is certain to open a new block.
    """
    sealed = 0
    position = 0
    fence = ""
    is_list = after_blank = False
    for line in _lines(text):
        if after_blank and not fence and _opens_block(line, is_list=is_list):
            sealed, is_list = position, False
        is_list = is_list or (not fence and bool(_LIST.match(line)))
        fence = _fence_after(line, fence, is_list=is_list)
        after_blank = not line.strip()
        position += len(line)
    return text[:sealed], text[sealed:]


def _lines(text: str) -> list[str]:
    """Split at line feeds only."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _opens_block(line: str, *, is_list: bool) -> bool:
    """Return whether the line's first character shows that it cannot continue the block before it."""
    first = line[0]
    return not first.isspace() and not (is_list and first in _LIST_START)


def _fence_after(line: str, fence: str, *, is_list: bool) -> str:
    """Return the code fence that is open after the line: its characters, or an empty string."""
    match = _FENCE.match(line)
    if match is None or (not is_list and len(match[1].expandtabs(_CODE_INDENT)) >= _CODE_INDENT):
        return fence
    if not fence:
        return match[2]
    closes = match[2][0] == fence[0] and len(match[2]) >= len(fence) and not match[3].strip()
    return "" if closes else fence
