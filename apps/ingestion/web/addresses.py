"""Web addresses as a crawl compares them. Plain Python."""

import posixpath
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

MAX_URL_CHARS = 2_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TRACKING = ("utm_", "fbclid", "gclid", "mc_cid", "mc_eid", "spm")  # parameters that never change a page
_NO_PAGES = frozenset(
    f".{suffix}"
    for group in (
        "bmp eps gif ico jpeg jpg png psd svg tif tiff webp",
        "aac avi flac m4a m4v mkv mov mp3 mp4 mpeg ogg wav webm wmv",
        "7z bin bz2 deb dmg exe gz iso msi rar rpm tar tgz xz",
        "css eot js mjs otf ttf woff woff2 map",
    )
    for suffix in group.split()
)


def normal(url: str, base: str = "") -> str:
    """Return the address in the one form that is stored: absolute, no fragment, no tracking; "" when it is none.

    Scheme and host in lower case, no default port, dots in the path resolved, an empty path as "/".
    """
    try:
        parts = urlsplit(urljoin(base, url.strip()))
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return ""
    host = parts.hostname.lower().rstrip(".")
    netloc = f"[{host}]" if ":" in host else host
    if port and port != _DEFAULT_PORTS[parts.scheme]:
        netloc += f":{port}"
    found = urlunsplit((parts.scheme, netloc, _path(parts.path), _query(parts.query), ""))
    return found if len(found) <= MAX_URL_CHARS else ""


def _path(path: str) -> str:
    if not path:
        return "/"
    clean = posixpath.normpath(path) if "/." in path or "//" in path else path
    if path.endswith("/") and not clean.endswith("/"):
        clean += "/"
    return "/" + clean.lstrip("/")


def _query(query: str) -> str:
    if not query:
        return ""
    kept = [
        (name, value)
        for name, value in parse_qsl(query, keep_blank_values=True)
        if not name.lower().startswith(_TRACKING)
    ]
    return urlencode(kept)


def origin(url: str) -> str:
    """Return scheme and host with port: what robots.txt speaks for."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def host(url: str) -> str:
    """Return the host, for people."""
    return urlsplit(url).hostname or ""


def is_below(url: str, start: str) -> bool:
    """Return whether a page belongs to the site section that `start` opens: the same host, below its folder.

    http and https are one site; `/guide/index.html` opens `/guide/`, and so does `/guide/`.
    """
    page, root = urlsplit(url), urlsplit(start)
    folder = root.path[: root.path.rfind("/") + 1] or "/"
    return page.netloc == root.netloc and (page.path.startswith(folder) or page.path == folder.rstrip("/"))


def may_be_page(url: str) -> bool:
    """Return whether a link may lead to a document: pictures, sounds, styles and archives are left out."""
    return posixpath.splitext(urlsplit(url).path)[1].lower() not in _NO_PAGES


def name_of(url: str) -> str:
    """Return a name for a page that has no title: the last part of its path, else its host."""
    last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    return last or host(url)


def folder_of(url: str) -> str:
    """Return where a page is kept in the library: its host and the folders of its path, at most four levels."""
    levels = [unquote(part) for part in urlsplit(url).path.split("/")[1:-1] if part]
    return "/".join([host(url), *levels[:3]])
