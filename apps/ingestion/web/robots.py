"""What a site lets us read, by RFC 9309: robots.txt per origin, kept for an hour."""

from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings
from django.core.cache import cache
from protego import Protego

from apps.core.errors import AppError
from apps.core.netfetch import Policy, default_policy, fetch
from apps.ingestion.web.addresses import origin

AGENT = "ZhikuBot"
KEPT_S = 3_600
MAX_BYTES = 512 * 1024  # RFC 9309, 2.5: at least 500 KiB are read
MAX_DELAY_S = 30.0
CLIENT_ERRORS = range(400, 500)
NOTHING = "User-agent: *\nDisallow: /"


def user_agent() -> str:
    """Return how we introduce ourselves: a name that robots.txt can address, and where to complain."""
    address = settings.ENV.public_url
    return f"{AGENT}/1.0 (+{address})" if address else f"{AGENT}/1.0"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one origin for us."""

    parsed: Protego

    def allow(self, url: str) -> bool:
        """Return whether the address may be read."""
        return bool(self.parsed.can_fetch(url, AGENT))

    @property
    def delay_s(self) -> float:
        """Return the seconds to wait between two requests: ours, or the site's if that is longer."""
        asked = self.parsed.crawl_delay(AGENT) or 0.0
        return min(MAX_DELAY_S, max(settings.ENV.web_delay_s, float(asked)))

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Return the sitemaps that the file names."""
        return tuple(self.parsed.sitemaps)


def rules_of(url: str) -> Rules:
    """Return the rules for an address: everything is allowed where there is no file, nothing where it cannot be had."""
    site = origin(url)
    key = f"robots:{site}"
    text = cache.get(key)
    if text is None:
        text = _fetched(site)
        cache.set(key, text, KEPT_S)
    return Rules(Protego.parse(text))


def _fetched(site: str) -> str:
    base = default_policy()
    policy = Policy(max_bytes=MAX_BYTES, max_redirects=5, total_s=10.0, internal=base.internal)
    try:
        answer = fetch(f"{site}/robots.txt", headers={"User-Agent": user_agent()}, policy=policy)
    except AppError:
        return NOTHING
    if answer.status in CLIENT_ERRORS:  # RFC 9309, 2.3.1.3: unavailable means that there are no rules
        return ""
    return answer.body.decode("utf-8", "replace") if answer.status == HTTPStatus.OK else NOTHING
