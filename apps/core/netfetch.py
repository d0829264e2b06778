"""Outbound HTTP, the only place that speaks it: every address is vetted, and the connection goes to the vetted address.

A name is resolved once per hop; when any of its addresses is not public the hop is refused, else the socket connects
to one of exactly these addresses, with the name kept in the Host header and in TLS (SNI and certificate). Nothing is
taken from the environment (proxies, .netrc), cookies are not kept, and a redirect is a new, vetted hop.
"""

import ipaddress
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import httpx
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.core.addresses import is_public
from apps.core.errors import AppError

Resolver = Callable[[str, int], list[str]]  # (host, port) -> addresses
REDIRECTS = {301, 302, 303, 307, 308}
CONNECT_S = 5.0
MIB = 2**20

_BAD_CHARACTER = re.compile(r"[\x00-\x20\x7f\\\s<>\"{}|^`]")
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?")
_NUMBERLIKE = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")


class FetchRefused(AppError):
    """The address may not be asked. Param: reason."""

    status = 422
    code = "url-refused"
    title = _("This address cannot be opened")
    detail = _("Only public web addresses can be opened (%(reason)s).")


class FetchTooLarge(AppError):
    """The answer is larger than allowed, packed or unpacked. Param: limit_mib."""

    status = 413
    code = "fetch-too-large"
    title = _("The answer is too large")
    detail = _("More than %(limit_mib)s MiB came back.")


class FetchFailed(AppError):
    """The other side did not answer as it should. Param: reason; never any of its words."""

    status = 502
    code = "fetch-failed"
    title = _("The other side did not answer")
    detail = _("Nothing usable came back (%(reason)s).")


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be asked and how much may come back."""

    max_bytes: int = 20 * MIB  # unpacked
    max_ratio: int = 100  # unpacked to packed, above the first MiB
    max_redirects: int = 3
    total_s: float = 20.0
    schemes: frozenset[str] = frozenset({"http", "https"})
    ports: frozenset[int] = frozenset({80, 443, 8080, 8443})
    internal: frozenset[str] = frozenset()  # "host:port" that the operator declared reachable though not public
    hosts: frozenset[str] = frozenset()  # the only ones that may be asked: names, "*.name", "host:port"; empty: all


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. Header names are in lower case; nothing in it was followed or run."""

    url: str
    status: int
    media_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    policy: Policy | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Fetched:
    """Return the answer of a public address; raises FetchRefused, FetchTooLarge or FetchFailed.

    Only GET and HEAD follow redirects; `headers` are left behind as soon as the origin changes. `transport` is for
    tests: it takes the place of `PinnedTransport`.
    """
    policy = policy or default_policy()
    with opened(url, method=method, headers=headers, content=content, policy=policy, transport=transport) as answer:
        body = b"".join(answer.pieces())
    return Fetched(answer.url, answer.status, answer.media_type, body, answer.headers)


@contextmanager
def opened(  # noqa: PLR0913 -- the parts of a request
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    policy: Policy | None = None,
    transport: httpx.BaseTransport | None = None,
    wait_s: float | None = None,
) -> Iterator["Opened"]:
    """Give the answer of an address while it still comes in; raises FetchRefused or FetchFailed.

    With `wait_s` only the way to the answer's first byte is bound by `policy.total_s`; after it, each piece may be
    waited for that long: for answers of models and for large files. Else the whole has to be there in `total_s`.
    """
    policy = policy or default_policy()
    deadline = time.monotonic() + policy.total_s
    given = dict(headers or {})
    with httpx.Client(
        transport=transport or PinnedTransport(policy), trust_env=False, follow_redirects=False
    ) as client:
        for _hop in range(policy.max_redirects + 1):
            target = vet_url(url, policy)
            request = client.build_request(
                method, target, headers=_headers(given), content=content, timeout=_timeout(deadline, wait_s)
            )
            watch = _Watch(deadline)
            try:
                response = _sent(client, request, watch, deadline)
                with closing(response):
                    location = response.headers.get("location", "")
                    if response.status_code not in REDIRECTS or not location:
                        if wait_s is not None:
                            watch.stop()
                        yield Opened(response, policy, None if wait_s is not None else deadline, watch)
                        return
            finally:
                watch.stop()
            following = vet_url(urljoin(str(target), location), policy)
            _check_hop(method, target, following)
            if _origin(target) != _origin(following):
                given = {}
            url = str(following)
    raise FetchRefused(reason="redirects")


def default_policy() -> Policy:
    """Return the policy with the internal hosts that the operator declared."""
    return Policy(internal=listed_hosts(settings.ENV.internal_hosts))


def listed_hosts(setting: str) -> frozenset[str]:
    """Return the hosts that a setting lists, separated by commas, as a policy knows them: in lower case."""
    return frozenset(host.strip().lower() for host in setting.split(",") if host.strip())


class Opened:
    """An answer whose body is read piece by piece. Header names are in lower case."""

    def __init__(self, response: httpx.Response, policy: Policy, deadline: float | None, watch: "_Watch") -> None:
        self.url = str(response.url)
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response, self._policy, self._deadline, self._watch = response, policy, deadline, watch

    @property
    def media_type(self) -> str:
        """Return the type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def pieces(self) -> Iterator[bytes]:
        """Yield the body, unpacked; raises FetchTooLarge or FetchFailed."""
        with _failures(self._deadline):
            yield from _unpacked(self._response, self._policy, self._deadline)

    def cut(self) -> None:
        """Break the connection off, from any thread: whoever reads gets FetchFailed."""
        self._watch.cut()


@contextmanager
def _failures(deadline: float | None) -> Iterator[None]:
    """Turn what the client raises into FetchFailed."""
    try:
        yield
    except httpx.TimeoutException:
        raise FetchFailed(reason="time") from None
    except httpx.HTTPError:
        is_late = deadline is not None and time.monotonic() > deadline
        raise FetchFailed(reason="time" if is_late else "connection") from None


def _sent(client: httpx.Client, request: httpx.Request, watch: "_Watch", deadline: float) -> httpx.Response:
    request.extensions = request.extensions | {"trace": watch.trace}
    with _failures(deadline):
        return client.send(request, stream=True)


class _Watch:
    """Cuts the connection at the deadline: httpx limits each read, so a server could drip its headers for ever."""

    def __init__(self, deadline: float) -> None:
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self.cut)
        self._timer.daemon = True
        self._timer.start()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take hold of the socket, and of the TLS one that replaces it (httpcore's trace extension)."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = info["return_value"].get_extra_info("socket")

    def cut(self) -> None:
        """Break the connection off."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Let it go on as long as it takes."""
        self._timer.cancel()


def _check_hop(method: str, target: httpx.URL, following: httpx.URL) -> None:
    if method not in {"GET", "HEAD"}:
        raise FetchRefused(reason="redirect of a change")
    if target.scheme == "https" and following.scheme != "https":
        raise FetchRefused(reason="redirect to plain http")


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    hop = {"host", "accept-encoding", "connection", "transfer-encoding", "content-length"}
    kept = {name: value for name, value in given.items() if name.lower() not in hop}
    return {"User-Agent": "Zhiku", "Accept": "*/*"} | kept | {"Accept-Encoding": "gzip", "Connection": "close"}


def _timeout(deadline: float, wait_s: float | None = None) -> httpx.Timeout:
    left = max(0.001, deadline - time.monotonic())
    return httpx.Timeout(wait_s or left, connect=min(CONNECT_S, left))


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, _port(url)


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _unpacked(response: httpx.Response, policy: Policy, deadline: float | None) -> Iterator[bytes]:
    """Yield the body in bounded pieces; unpacking stops at the limit, so a bomb never unfolds."""
    unpack = _unpacker(response.headers.get("content-encoding", "identity").strip().lower())
    packed = total = 0
    for piece in response.iter_raw():
        packed += len(piece)
        unfolded = unpack(piece, policy.max_bytes - total + 1)
        total += len(unfolded)
        if total > policy.max_bytes or total > max(MIB, packed * policy.max_ratio):
            raise FetchTooLarge(limit_mib=max(1, policy.max_bytes // MIB))
        yield unfolded
    if deadline is not None and time.monotonic() > deadline:  # the cut looks like the end of the body
        raise FetchFailed(reason="time")


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    if encoding in {"", "identity"}:
        return lambda piece, _most: piece
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise FetchFailed(reason="encoding")
    stream = zlib.decompressobj(47)  # gzip or zlib, by the header

    def unpack(piece: bytes, most: int) -> bytes:
        try:
            return stream.decompress(piece, most)
        except zlib.error:
            raise FetchFailed(reason="encoding") from None

    return unpack


def vet_url(url: str, policy: Policy) -> httpx.URL:
    """Return the canonical form of an address that may be asked, before any name is resolved; raises FetchRefused.

    One parser decides, and its result is what is connected to: what two parsers read differently is refused.
    """
    if _BAD_CHARACTER.search(url) or "@" in url.partition("//")[2].partition("/")[0]:
        raise FetchRefused(reason="characters")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise FetchRefused(reason="form") from None
    host = parsed.raw_host.decode("ascii", "replace").lower()
    if parsed.scheme not in policy.schemes:
        raise FetchRefused(reason="scheme")
    if parsed.userinfo or not _is_host(host):
        raise FetchRefused(reason="host")
    if _port(parsed) not in policy.ports and _key(parsed) not in policy.internal:
        raise FetchRefused(reason="port")
    if policy.hosts and not is_listed(parsed.host, _port(parsed), policy.hosts):
        raise FetchRefused(reason="host not allowed")
    return parsed.copy_with(fragment=None)


def is_listed(host: str, port: int, hosts: Collection[str]) -> bool:
    """Return whether a list of names, "*.name" and "host:port" has this host."""
    name = host.rstrip(".").lower()
    above = {f"*.{name.split('.', depth)[depth]}" for depth in range(1, name.count(".") + 1)}
    return not {name, f"{name}:{port}", *above}.isdisjoint(hosts)


def _is_host(host: str) -> bool:
    """Return whether it is a DNS name or an IP literal in its one canonical form ("127.1" and "0x7f.1" are neither)."""
    try:
        return str(ipaddress.ip_address(host)) == host or ":" in host
    except ValueError:
        return bool(_NAME.fullmatch(host)) and not _NUMBERLIKE.fullmatch(host.rstrip(".").rpartition(".")[2])


def _key(url: httpx.URL) -> str:
    return f"{url.host.rstrip('.').lower()}:{_port(url)}"


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a name, in the system's order; raises OSError. The resolver has its own timeout."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class PinnedTransport(httpx.BaseTransport):
    """Connects to an address that it has vetted itself, and to no other."""

    def __init__(self, policy: Policy, resolver: Resolver = resolve, inner: httpx.BaseTransport | None = None) -> None:
        self._policy = policy
        self._resolver = resolver
        limits = httpx.Limits(max_keepalive_connections=0)  # a kept TLS connection was made for another name
        self._inner = inner or httpx.HTTPTransport(trust_env=False, limits=limits, retries=0)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the first vetted address that takes a connection."""
        url = vet_url(str(request.url), self._policy)
        addresses = self._vetted(url)
        for number, address in enumerate(addresses, start=1):
            try:
                return self._inner.handle_request(_pinned(request, url, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise FetchFailed(reason="name")

    def _vetted(self, url: httpx.URL) -> list[str]:
        try:
            addresses = self._resolver(url.host, _port(url))
        except (OSError, UnicodeError):
            raise FetchFailed(reason="name") from None
        if _key(url) not in self._policy.internal and not all(map(is_public, addresses)):
            raise FetchRefused(reason="internal")
        return addresses

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _pinned(request: httpx.Request, url: httpx.URL, address: str) -> httpx.Request:
    """Return the request with the address in its URL, and the name in Host, SNI and the certificate check."""
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"host"]
    return httpx.Request(
        request.method,
        url.copy_with(host=address),
        headers=[(b"Host", url.netloc), *headers],
        stream=request.stream,
        extensions=request.extensions | {"sni_hostname": url.host},
    )
