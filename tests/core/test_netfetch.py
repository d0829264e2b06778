"""Outbound HTTP reaches public addresses alone (security cases 57 to 60 and 64)."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import httpx
import pytest

from apps.core.errors import AppError
from apps.core.netfetch import (
    FetchFailed,
    FetchRefused,
    FetchTooLarge,
    PinnedTransport,
    Policy,
    default_policy,
    fetch,
    is_public,
    vet_url,
)
from tests.settings_override import env

PUBLIC = "93.184.215.14"
NOT_PUBLIC = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0",  # noqa: S104
    "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::7f00:1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "64:ff9b:1:ffff::1",
    "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "2001:0:5db8:d70e:0:0:80ff:fffe",
]  # fmt: skip


def page(body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """Return an answer whose body is still to be read, as the network gives it."""
    return httpx.Response(200, headers=headers, stream=httpx.ByteStream(body))


class Inner(httpx.BaseTransport):
    """Takes the place of the network: remembers where a request would have gone, and answers from a script."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers) or [page(b"hello")]
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def resolving(*answers: Sequence[str]) -> Callable[[str, int], list[str]]:
    """Return a resolver that gives each answer once, the last one for ever."""
    script = list(answers)
    return lambda _host, _port: list(script.pop(0) if len(script) > 1 else script[0])


def get(url: str, inner: Inner, *answers: Sequence[str], policy: Policy | None = None) -> httpx.Response:
    transport = PinnedTransport(policy or Policy(), resolver=resolving(*(answers or [[PUBLIC]])), inner=inner)
    return fetch(url, policy=policy or Policy(), transport=transport)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_it_knows_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_it_knows_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_it_refuses_them_as_literal_and_as_answer(address: str) -> None:
    inner = Inner()
    literal = f"[{address}]" if ":" in address else address

    with pytest.raises(FetchRefused):
        get(f"http://{literal}/", inner, [address])
    with pytest.raises(FetchRefused):
        get("http://ok.test/", inner, [address])
    with pytest.raises(FetchRefused):
        get("http://ok.test/", inner, [PUBLIC, address])

    assert inner.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://ok.test\\@127.0.0.1/", "http://a@127.0.0.1:80@ok.test/", "http://user:pw@ok.test/", "http://ok.test\t/",
        " http://ok.test/", "http://ok.test /", "http://ok.test/\r\nHost: x", "http://%31%32%37.0.0.1/",
        "http://ok.test%2523@127.0.0.1/", "http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/",
        "http://127.0.0.1./", "http://0x7f000001/", "http://\uff11\uff12\uff17\u30020\u30020\u30021/", "http://127\u30020\u30020\u30021/",
        "http://[::1", "http:///path", "http://", "//ok.test/", "ok.test", "", "http://ok.test:22/", "http://ok.test:6379/",
        "http://ok.test:99999/", "file:///etc/passwd", "ftp://ok.test/", "gopher://ok.test/", "data:text/plain,x",
        "jar:http://ok.test!/x", "unix:/run/x.sock", "http+unix://%2Frun%2Fx/", "view-source:http://ok.test/",
        "javascript:alert(1)", "http://-a.test/", "http://a..test/", "http://_x_/",
    ],
)  # fmt: skip
def test_it_refuses_what_two_parsers_could_read_differently(url: str) -> None:
    inner = Inner()

    with pytest.raises(FetchRefused):
        get(url, inner, ["127.0.0.1"])

    assert inner.requests == []


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTP://OK.test/a?b=1#frag", "http://ok.test/a?b=1"),
        ("https://ok.test:443/", "https://ok.test/"),
        ("http://ok.test/中文 ".strip(), "http://ok.test/%E4%B8%AD%E6%96%87"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700::1111]:8080/", "http://[2606:4700:4700::1111]:8080/"),
        ("http://例子.test/", "http://xn--fsqu00a.test/"),
    ],
)
def test_it_keeps_the_canonical_form(url: str, canonical: str) -> None:
    assert str(vet_url(url, Policy())) == canonical


def test_it_connects_to_the_vetted_address_with_the_name_kept() -> None:
    inner = Inner()

    answer = get("https://ok.test/a?b=1", inner, [PUBLIC])

    (request,) = inner.requests
    assert answer.body == b"hello"
    assert str(request.url) == f"https://{PUBLIC}/a?b=1"
    assert request.headers["host"] == "ok.test"
    assert request.extensions["sni_hostname"] == "ok.test"


def test_it_resolves_once_per_hop_so_that_rebinding_gains_nothing() -> None:
    inner = Inner(httpx.Response(302, headers={"location": "/again"}), page(b""))

    with pytest.raises(FetchRefused):
        get("http://ok.test/", inner, [PUBLIC], ["127.0.0.1"])

    assert [request.url.host for request in inner.requests] == [PUBLIC]


def test_it_tries_the_next_vetted_address() -> None:
    inner = Inner(httpx.ConnectError("down"), page(b"second"))

    assert get("http://ok.test/", inner, [PUBLIC, "8.8.8.8"]).body == b"second"
    assert [request.url.host for request in inner.requests] == [PUBLIC, "8.8.8.8"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1/", "http://169.254.169.254/latest/", "http://[::1]:6379/", "//127.0.0.1/", "file:///etc/passwd",
     "http://ok.test\\@127.0.0.1/", "http://2130706433/", "gopher://ok.test/"],
)  # fmt: skip
def test_it_refuses_a_bad_hop(status: int, location: str) -> None:
    inner = Inner(httpx.Response(status, headers={"location": location}), page(b""))
    resolver = {"ok.test": [PUBLIC]}
    transport = PinnedTransport(Policy(), resolver=lambda host, _: resolver.get(host, [host]), inner=inner)

    with pytest.raises(FetchRefused):
        fetch("http://ok.test/", policy=Policy(), transport=transport)

    assert len(inner.requests) == 1


def test_it_follows_three_redirects_and_no_more() -> None:
    def hops(count: int) -> list[httpx.Response]:
        return [httpx.Response(302, headers={"location": f"/{number}"}) for number in range(count)]

    assert get("http://ok.test/", Inner(*hops(3), page(b"end"))).body == b"end"
    with pytest.raises(FetchRefused):
        get("http://ok.test/", Inner(*hops(10)))


def test_it_refuses_to_leave_tls() -> None:
    inner = Inner(httpx.Response(302, headers={"location": "http://ok.test/"}))

    with pytest.raises(FetchRefused):
        get("https://ok.test/", inner)


def test_it_does_not_follow_refresh_headers_and_pages() -> None:
    text = b'<meta http-equiv="refresh" content="0;url=http://127.0.0.1/"><img src="file:///etc/passwd">'
    inner = Inner(page(text, {"refresh": "0;url=http://127.0.0.1/"}))

    assert get("http://ok.test/", inner).body == text
    assert len(inner.requests) == 1


def test_it_leaves_headers_behind_when_the_origin_changes() -> None:
    inner = Inner(httpx.Response(302, headers={"location": "http://other.test/"}), page(b""))
    transport = PinnedTransport(Policy(), resolver=resolving([PUBLIC]), inner=inner)

    fetch(
        "http://ok.test/",
        headers={"Authorization": "Bearer CANARY", "Host": "evil.test"},
        policy=Policy(),
        transport=transport,
    )

    assert [request.headers.get("authorization") for request in inner.requests] == ["Bearer CANARY", None]
    assert [request.headers["host"] for request in inner.requests] == ["ok.test", "other.test"]


def test_it_redirects_no_change() -> None:
    inner = Inner(httpx.Response(307, headers={"location": "http://other.test/"}), page(b""))
    transport = PinnedTransport(Policy(), resolver=resolving([PUBLIC]), inner=inner)

    with pytest.raises(FetchRefused):
        fetch("http://ok.test/", method="POST", content=b"x", policy=Policy(), transport=transport)


@contextmanager
def serving(*pieces: bytes, pause_s: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one connection with raw bytes; give the address and what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                for piece in pieces:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    time.sleep(pause_s)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", asked
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for nobody
        thread.join(5)


def reached(host: str, **limits: float) -> Policy:
    return Policy(internal=frozenset({host}), **limits)


def answer_of(host: str, **limits: float) -> bytes:
    return fetch(f"http://{host}/", policy=reached(host, **limits)).body


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def test_it_speaks_to_a_declared_internal_host_alone() -> None:
    with serving(HEAD + b"Content-Length: 5\r\n\r\nhello") as (host, asked):
        with pytest.raises(FetchRefused):
            fetch(f"http://{host}/", policy=Policy(ports=frozenset({int(host.split(":")[1])})))
        assert answer_of(host) == b"hello"

    assert len(asked) == 1
    assert b"Host: " + host.encode() in asked[0]


def test_it_takes_internal_hosts_from_the_operator() -> None:
    with env(internal_hosts="vllm.lan:8001, [::1]:9000"):
        assert default_policy().internal == {"vllm.lan:8001", "[::1]:9000"}


def test_it_refuses_a_redirect_from_an_internal_host_to_another_one() -> None:
    with serving(b"") as (sink, asked):
        redirect = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://" + sink.encode() + b"/\r\n\r\n"
        with serving(redirect) as (host, _), pytest.raises(FetchRefused):
            answer_of(host)

    assert asked == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(HEAD + b"\r\n" + b"x" * 200_000, FetchTooLarge, id="endless"),
        pytest.param(
            HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"0" * 50_000_000), FetchTooLarge, id="bomb"
        ),
        pytest.param(HEAD + b"Content-Encoding: gzip\r\n\r\nnot gzip", FetchFailed, id="broken"),
        pytest.param(HEAD + b"Content-Encoding: br\r\n\r\nx", FetchFailed, id="unasked encoding"),
        pytest.param(b"not http\r\n\r\n", FetchFailed, id="no http"),
        pytest.param(b"", FetchFailed, id="nothing"),
    ],
)
def test_it_stops_at_the_caps(answer: bytes, error: type[AppError]) -> None:
    with serving(answer) as (host, _), pytest.raises(error) as refused:
        answer_of(host, max_bytes=100_000)

    assert "not" not in refused.value.sentence().replace("Nothing", "")


def test_it_stops_a_bomb_by_its_ratio() -> None:
    bomb = gzip.compress(b"0" * 5_000_000)

    with serving(HEAD + b"Content-Encoding: gzip\r\n\r\n" + bomb) as (host, _), pytest.raises(FetchTooLarge):
        answer_of(host, max_bytes=50_000_000)


@pytest.mark.parametrize("start", [pytest.param(HEAD + b"\r\n", id="body"), pytest.param(HEAD, id="headers")])
def test_it_stops_a_drip(start: bytes) -> None:
    with serving(start, *[b"X: 1\r\n"] * 400, pause_s=0.05) as (host, _), pytest.raises(FetchFailed) as failed:
        answer_of(host, total_s=0.4)

    assert failed.value.params == {"reason": "time"}
