"""Models that a service runs, against a service on the loopback."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.core import crypto
from apps.runtimes import openai_http
from apps.runtimes.contracts import RuntimeFailure, Sampling, Turn
from apps.runtimes.spec import RuntimeSpec
from tests import settings_override
from tests.runtimes.service import Seen, serving

KEY = "sk-CANARY-T1-key"


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def host(seen: Seen) -> Iterator[str]:
    with serving(seen) as host, settings_override.env(model_hosts=host):
        yield host


def spec(host: str, **fields: Any) -> RuntimeSpec:
    url = f"http://{host}/v1"
    place = f"catalog.model:1:{url}"
    given = {"base_url": url, "remote_name": "big", "credential": crypto.seal(KEY, place=place), "place": place}
    return RuntimeSpec("far", "openai_http", Path(), **{"max_tokens": 4096} | given | fields)


def said(chat: openai_http.HttpChat, prompt: str) -> tuple[str, int]:
    with closing(chat.stream(prompt, Sampling(max_tokens=20))) as pieces:  # type: ignore[type-var]  # has close
        found = list(pieces)
    return "".join(piece.text for piece in found), sum(piece.tokens for piece in found)


def test_it_streams_an_answer_and_takes_over_what_the_service_counted(host: str, seen: Seen) -> None:
    chat = openai_http.load_chat(spec(host))

    text, tokens = said(chat, chat.render([Turn("system", "Brief."), Turn("user", "Wie {{ 7*7 }}？")]))

    assert (text, tokens) == ("w0 w1 w2 w3 w4 ", 7)
    path, headers, body = seen.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body["messages"] == [
        {"role": "system", "content": "Brief."},
        {"role": "user", "content": "Wie {{ 7*7 }}？"},
    ]
    assert body["model"] == "big"


def test_it_breaks_the_connection_off_when_closed(host: str, seen: Seen) -> None:
    seen.words, seen.pause_s = 10_000, 0.01
    pieces = openai_http.load_chat(spec(host)).stream("Go on.", Sampling())
    while not next(pieces).text:
        pass

    pieces.close()

    assert seen.ended.wait(10)
    assert seen.sent < 10_000
    assert list(pieces) == []


def test_it_says_so_when_the_service_breaks_off(host: str, seen: Seen) -> None:
    seen.breaks_off = True

    with pytest.raises(RuntimeFailure, match="broke off"):
        said(openai_http.load_chat(spec(host)), "Hello")


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_it_never_passes_on_what_a_failing_service_says(host: str, seen: Seen, status: int) -> None:
    """Security case 62: the answer of an internal host must not be readable through an error."""
    seen.status = status

    for call in (
        lambda: said(openai_http.load_chat(spec(host)), "Hello"),
        lambda: openai_http.load_embedder(spec(host, dimensions=3)).embed_queries(["a"]),
    ):
        with pytest.raises(RuntimeFailure) as failure:
            call()
        assert "SECRET" not in str(failure.value)
        assert KEY not in str(failure.value)


def test_it_shows_no_key_in_a_spec(host: str) -> None:
    """Security case 38."""
    assert "credential" not in repr(spec(host))
    assert KEY not in repr(spec(host))


def test_it_sends_a_key_nowhere_else_than_where_it_was_entered(host: str, seen: Seen) -> None:
    """Security cases 14 and 38: the ciphertext opens for one model at one address."""
    moved = spec(host, place="catalog.model:1:http://other.test/v1")

    with pytest.raises(RuntimeFailure, match="enter it again"):
        said(openai_http.load_chat(moved), "Hello")
    assert seen.requests == []


@pytest.mark.parametrize("hosts", ["", "example.test", "127.0.0.1:1"])
def test_it_asks_no_host_that_the_operator_did_not_allow(host: str, seen: Seen, hosts: str) -> None:
    """Security case 62: internal hosts only by the deploy-time list."""
    with settings_override.env(model_hosts=hosts), pytest.raises(RuntimeFailure):
        said(openai_http.load_chat(spec(host)), "Hello")
    assert seen.requests == []


def test_it_embeds_in_order_and_to_unit_length(host: str) -> None:
    embedder = openai_http.load_embedder(spec(host))

    rows = embedder.embed_passages(["a pump", "b", "ccc"])

    assert embedder.dimensions == 3
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    assert rows[0, 2] > 0
    assert rows[1, 2] == 0


def test_it_refuses_vectors_of_another_length(host: str) -> None:
    with pytest.raises(RuntimeFailure, match="another shape"):
        openai_http.load_embedder(spec(host, dimensions=4)).embed_queries(["a"])


def test_it_estimates_tokens_of_han_and_latin_text() -> None:
    tokenizer = openai_http.load_tokenizer(RuntimeSpec("far", "openai_http", Path(), max_tokens=512))

    assert tokenizer.count(["年假有15天", "responsibility"]) == [5, 4]
    assert tokenizer.spans("ab 年") == [(0, 2), (3, 4)]


def test_it_refuses_a_prompt_that_does_not_fit(host: str, seen: Seen) -> None:
    with pytest.raises(RuntimeFailure, match="longer than the context"):
        openai_http.load_chat(spec(host, max_tokens=10)).stream("one two three " * 10, Sampling())
    assert seen.requests == []


def test_it_hands_a_schema_to_the_service(host: str, seen: Seen) -> None:
    chat = openai_http.load_chat(spec(host))
    schema = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}

    list(chat.stream("Go.", Sampling(max_tokens=20, schema=json.dumps(schema))))
    list(chat.stream("Go.", Sampling(max_tokens=20)))

    assert seen.requests[0][2]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }
    assert "response_format" not in seen.requests[1][2]
