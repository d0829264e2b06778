"""What allauth's sign-on flow speaks HTTP with: the little of `requests` that it uses, on top of core/netfetch."""

import base64
import json
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings

from apps.core.errors import AppError
from apps.core.netfetch import Fetched, Policy, fetch, listed_hosts

MOST_BYTES = 2**20
PORTS = {"http": 80, "https": 443}


def policy() -> Policy:
    """Return what of the provider may be asked: the issuer's host and those that the operator named, no other."""
    issuer = urlsplit(settings.ENV.oidc_issuer)
    named = listed_hosts(settings.ENV.oidc_hosts)
    own = f"{issuer.hostname}:{issuer.port or PORTS.get(issuer.scheme, 443)}"
    schemes = frozenset({"https", issuer.scheme})
    return Policy(
        max_bytes=MOST_BYTES,
        max_redirects=0,
        total_s=10,
        schemes=schemes,
        internal=named,
        hosts=named | {own},
        ports=frozenset({80, 443, issuer.port or 443}),
    )


class Answer:
    """An answer, as `requests` would show it."""

    def __init__(self, fetched: Fetched) -> None:
        self.status_code = fetched.status
        self.content = fetched.body
        self.headers = {"content-type": "", **fetched.headers}

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> dict[str, Any]:
        """Return the JSON object; raises OAuth2Error for anything else."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise OAuth2Error("no JSON object")
        return found

    def raise_for_status(self) -> None:
        """Raise OAuth2Error unless it is a success."""
        if not 200 <= self.status_code < 300:  # noqa: PLR2004  (HTTP's own numbers)
            raise OAuth2Error(f"status {self.status_code}")


class Session:
    """Asks vetted addresses; follows nothing, keeps nothing."""

    def __init__(self, allowed: Policy) -> None:
        self._policy = allowed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def get(self, url: str, **options: Any) -> Answer:
        """Return the answer to a GET; raises OAuth2Error."""
        return self.request("GET", url, **options)

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        auth: Any = None,
    ) -> Answer:
        """Return the answer; raises OAuth2Error for an address that may not be asked and for none that answers."""
        sent = {"Accept": "application/json"} | dict(headers or {})
        if auth is not None:
            pair = f"{auth.username}:{auth.password}"
            sent["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        if data is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        full = f"{url}?{urlencode(params)}" if params else url
        content = urlencode(data).encode() if data is not None else None
        try:
            return Answer(fetch(full, method=method, headers=sent, content=content, policy=self._policy))
        except AppError as error:
            raise OAuth2Error(error.code) from error
