"""Visits one page: asks robots.txt, fetches it unless it is unchanged, and says what it is and where it leads.

Nothing here writes to the database; `crawl` keeps what a visit found.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings

from apps.core.errors import AppError, Value
from apps.core.netfetch import MIB, Fetched, Policy, default_policy, fetch
from apps.ingestion import pipeline
from apps.ingestion.models import WebPage, WebSource
from apps.ingestion.web import addresses, robots
from apps.ingestion.web.errors import EmptyPage, LeftOut, LeftSite, NoSitemap, RobotsForbid, WrongStatus
from apps.ingestion.web.html import read_page
from apps.ingestion.web.sitemaps import SitemapUnreadable, read_sitemap
from apps.libraries.types import text_digest, whole_text

State = WebPage.State
HTML = frozenset({"text/html", "application/xhtml+xml"})
GONE = frozenset({404, 410})
OK, NOT_MODIFIED = 200, 304
FETCH_S = 45.0


@dataclass(frozen=True, slots=True)
class Visit:
    """How a visit ended. `body` is set where the page is new or changed; `links` and `sitemaps` in normal form."""

    state: str
    url: str = ""  # where it was found in the end
    name: str = ""
    body: bytes = field(default=b"", repr=False)
    links: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    etag: str = ""
    last_modified: str = ""
    bytes_digest: str = ""
    text_digest: str = ""
    error_code: str = ""
    error_params: dict[str, Value] = field(default_factory=dict)


class _Watcher:
    """A parse that nobody watches."""

    def show(self, done: int, total: int) -> None:
        """Take no notice."""

    def should_stop(self) -> bool:
        """Return False."""
        return False


def visit(source: WebSource, page: WebPage) -> Visit:
    """Return how the visit of a page ended; an expected failure is an ending too."""
    try:
        return _visit(source, page)
    except AppError as error:
        state = State.SKIPPED if isinstance(error, LeftOut) else State.FAILED
        return Visit(state, error_code=error.code, error_params=dict(error.params))


def _visit(source: WebSource, page: WebPage) -> Visit:
    _ask_robots(page.url)
    answer = fetch(page.url, headers=_headers(page), policy=_policy())
    found = addresses.normal(answer.url)
    if addresses.origin(found) != addresses.origin(page.url):
        _ask_robots(found)
    if source.kind == WebSource.Kind.SITE and not any(addresses.is_below(found, start) for start in source.urls):
        raise LeftSite(url=found)
    if answer.status == NOT_MODIFIED:
        return Visit(State.SAME, found)
    if answer.status in GONE:
        return Visit(State.GONE, found, error_code=WrongStatus.code, error_params={"status": answer.status})
    if answer.status != OK:
        raise WrongStatus(status=answer.status)
    return _sitemap(answer, found) if page.is_sitemap else _page(source, page, answer, found)


def _sitemap(answer: Fetched, found: str) -> Visit:
    try:
        sitemap = read_sitemap(answer.body, found)
    except SitemapUnreadable as error:
        raise NoSitemap from error
    return Visit(State.SAME, found, links=sitemap.pages, sitemaps=sitemap.sitemaps)


def _page(source: WebSource, page: WebPage, answer: Fetched, found: str) -> Visit:
    """Return a page that was fetched; its links count even if its text is what it was."""
    if not answer.body.strip():
        raise EmptyPage
    is_html = answer.media_type in HTML
    read = read_page(answer.body, found, _charset(answer)) if is_html else None
    seen = Visit(
        State.SAME,
        found,
        name=(read.title if read else "") or addresses.name_of(found),
        links=read.links if read and page.depth < source.depth else (),
        etag=answer.headers.get("etag", "")[:300],
        last_modified=answer.headers.get("last-modified", "")[:100],
        bytes_digest=hashlib.sha256(answer.body).hexdigest(),
        text_digest=page.text_digest,
    )
    if seen.bytes_digest == page.bytes_digest:
        return seen
    text = _text_digest(answer.body, seen.name)
    if page.document_id and text == page.text_digest:
        return replace(seen, text_digest=text)
    state = State.CHANGED if page.document_id else State.NEW
    return replace(seen, state=state, text_digest=text, body=answer.body)


def _text_digest(body: bytes, name: str) -> str:
    """Return the digest of what the page says: a clock or a token in its markup makes no new version.

    It is read in the parser's confined child, like every document. Raises a ParseError for what cannot be read.
    """
    with _on_disk(body) as path, pipeline.read_file(path, name, _Watcher()) as reading:
        return text_digest(whole_text(reading.parsed.blocks))


@contextmanager
def _on_disk(body: bytes) -> Iterator[Path]:
    with NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR, prefix="web-") as file:
        file.write(body)
        file.flush()
        yield Path(file.name)


def _ask_robots(url: str) -> None:
    if not robots.rules_of(url).allow(url):
        raise RobotsForbid


def _headers(page: WebPage) -> dict[str, str]:
    """Return the request's headers: who asks, and what we have already."""
    asked = {"User-Agent": robots.user_agent()}
    if page.document_id and page.etag:
        asked["If-None-Match"] = page.etag
    if page.document_id and page.last_modified:
        asked["If-Modified-Since"] = page.last_modified
    return asked


def _policy() -> Policy:
    return Policy(max_bytes=settings.ENV.web_page_max_mib * MIB, total_s=FETCH_S, internal=default_policy().internal)


def _charset(answer: Fetched) -> str:
    _, _, after = answer.headers.get("content-type", "").lower().partition("charset=")
    return after.partition(";")[0].strip(" \"'")
