"""What a crawl needs of an HTML page: its title and its links.

Read by the standard library's parser, which is pure Python, since this runs in the worker itself; the page's text is
read later, like that of every document, in the parser's confined child.
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from apps.ingestion.web.addresses import may_be_page, normal

MAX_CHARS = 2_000_000  # links and title stand in the first two million characters, or are not found
MAX_LINKS = 5_000
MAX_TITLE_CHARS = 200
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """Title and links of a page; links are in normal form, in order, each once."""

    title: str
    links: tuple[str, ...]


def read_page(body: bytes, url: str, charset: str = "") -> Page:
    """Return title and links of the page at `url`; `charset` is the one its headers name."""
    reader = _Reader(url)
    reader.feed(decode(body, charset)[:MAX_CHARS])
    reader.close()
    return Page(" ".join(reader.title.split())[:MAX_TITLE_CHARS], tuple(reader.links))


def decode(body: bytes, charset: str = "") -> str:
    """Return the page as text: by its headers, else by its own word, else as UTF-8."""
    declared = _CHARSET.search(body[:2_048])
    names = [charset, declared.group(1).decode("ascii") if declared else "", "utf-8"]
    for name in filter(None, names):
        try:
            return body.decode(name, "replace")
        except LookupError:
            continue
    return ""


class _Reader(HTMLParser):
    """Collects the first title, the base address and the links."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = url
        self._is_in_title = False
        self.title = ""
        self.links: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link, the base, or the start of the title."""
        if tag == "title":
            self._is_in_title = not self.title
            return
        if tag not in {"a", "area", "base"}:
            return
        href = dict(attrs).get("href")
        target = normal(href, self._base) if href else ""
        if not target:
            return
        if tag == "base":
            self._base = target
        elif len(self.links) < MAX_LINKS and may_be_page(target):
            self.links[target] = None

    def handle_endtag(self, tag: str) -> None:
        """Note the end of the title."""
        if tag == "title":
            self._is_in_title = False

    def handle_data(self, data: str) -> None:
        """Take the title's words."""
        if self._is_in_title and len(self.title) < MAX_TITLE_CHARS:
            self.title += data
