"""What goes over the wire to an OpenAI-compatible service: through core.netfetch alone, key in one header alone.

No word of an answer that is no answer is passed on: a service that reports an error could be any internal host
(security cases 38 and 62).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from apps.core import crypto
from apps.core.errors import AppError
from apps.core.netfetch import MIB, Opened, Policy, fetch, listed_hosts, opened
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec

ANSWER_MAX = 64 * MIB
TOTAL_S = 300.0  # for the first byte of an answer, which may come with the first token
WAIT_S = 300.0  # for the next piece of an answer: a model on a CPU reads a long prompt for minutes
EVENT_MAX = 1 * MIB  # one line of a stream
OK = 200
_REASONS = {401: "it refused the key", 403: "it refused the key", 404: "it does not know this model or this way",
            429: "it is asked too much at the moment", 413: "the request is too long for it",
            503: "it is starting, or has too much to do"}  # fmt: skip


def policy() -> Policy:
    """Return what may be asked: the hosts of KB_MODEL_HOSTS; those named with a port may be internal."""
    hosts = listed_hosts(settings.ENV.model_hosts)
    return Policy(
        max_bytes=ANSWER_MAX,
        max_redirects=0,
        total_s=TOTAL_S,
        internal=frozenset(host for host in hosts if ":" in host),
        hosts=hosts or frozenset({"-"}),  # nothing listed: nothing allowed
    )


class Service:
    """One service and the model of it that a spec names."""

    def __init__(self, spec: RuntimeSpec) -> None:
        self.name = spec.name
        self._spec = spec

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON that a request brings. Raises RuntimeFailure."""
        try:
            answer = fetch(
                self._url(path), method="POST", headers=self._headers(), content=_json(body), policy=policy()
            )
        except AppError as error:
            raise self.failure_of(error) from None
        self._check(answer.status)
        try:
            return json.loads(answer.body)
        except ValueError:
            raise self._failure("its answer is no JSON") from None

    def open(self, path: str, body: Mapping[str, Any]) -> AbstractContextManager[Opened]:
        """Open a streamed answer; errors are AppErrors of netfetch."""
        return opened(
            self._url(path), method="POST", headers=self._headers(), content=_json(body), policy=policy(), wait_s=WAIT_S
        )

    def _check(self, status: int) -> None:
        if status != OK:
            raise self._failure(_REASONS.get(status, f"it answered with the status {status}"))

    def events(self, answer: Opened) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of an answer of server-sent events until `[DONE]`. Raises RuntimeFailure."""
        self._check(answer.status)
        for line in _lines(answer.pieces()):
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            try:
                found = json.loads(data)
            except ValueError:
                raise self._failure("its answer is no JSON") from None
            if isinstance(found, dict):
                if "error" in found:
                    raise self._failure("it broke off with an error")
                yield found

    def failure_of(self, error: AppError) -> RuntimeFailure:
        """Return the failure that a refusal or failure of netfetch means."""
        return self._failure(str(error.params.get("reason", error.code)))

    def _failure(self, reason: str) -> RuntimeFailure:
        host = urlsplit(self._spec.base_url).netloc
        return RuntimeFailure(f"The service of the model {self.name} at {host} gave no answer: {reason}.")

    def _url(self, path: str) -> str:
        return self._spec.base_url.rstrip("/") + path

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self._spec.credential:
            try:
                key = crypto.unseal(self._spec.credential, place=self._spec.place)
            except crypto.SecretUnreadable:
                raise self._failure("its stored key cannot be read; enter it again") from None
            headers["Authorization"] = f"Bearer {key}"
        return headers


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of a body as they come in. Raises RuntimeFailure for one that never ends."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > EVENT_MAX:
            raise RuntimeFailure("A service sent a line that does not end.")
    if rest:
        yield rest
