"""Reads sitemaps: XML (also gzipped), and plain lists of addresses. See sitemaps.org/protocol.html."""

import re
import zlib
from dataclasses import dataclass

from lxml import etree

from apps.ingestion.web.addresses import normal

MAX_BYTES = 50 * 1024 * 1024  # the protocol's own limit, unpacked
MAX_ADDRESSES = 50_000  # likewise


class SitemapUnreadable(Exception):
    """It is neither a sitemap nor a list of addresses."""


@dataclass(frozen=True, slots=True)
class Sitemap:
    """Pages, and the sitemaps that an index names; all in normal form."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """Return what a sitemap names. Raises SitemapUnreadable; entities and DTDs are refused (security case 68)."""
    data = _unpacked(body)
    head = data[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith(b"<"):
        return Sitemap(pages=_addresses(data.decode("utf-8", "replace").split(), url))
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", data[:10_000], re.IGNORECASE):
        raise SitemapUnreadable
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SitemapUnreadable from error
    kind = etree.QName(root).localname
    if kind not in {"urlset", "sitemapindex", "feed", "rss"}:
        raise SitemapUnreadable
    found = _addresses(_texts(root), url)
    return Sitemap(sitemaps=found) if kind == "sitemapindex" else Sitemap(pages=found)


def _texts(root: etree._Element) -> list[str]:
    """Return the addresses of a sitemap's `loc`, an RSS feed's `link` or an Atom feed's `link href`."""
    found = []
    for element in root.iter("{*}loc", "{*}link"):
        parent = element.getparent()
        if etree.QName(element).localname == "link" and parent is root:
            continue  # the feed's own address
        found.append(element.get("href") or element.text or "")
    return found


def _addresses(texts: list[str], url: str) -> tuple[str, ...]:
    found = dict.fromkeys(filter(None, (normal(text, url) for text in texts)))
    return tuple(list(found)[:MAX_ADDRESSES])


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    stream = zlib.decompressobj(31)
    try:
        data = stream.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise SitemapUnreadable from error
    if len(data) > MAX_BYTES:
        raise SitemapUnreadable
    return data
