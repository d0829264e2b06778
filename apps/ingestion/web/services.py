"""What people do with web sources; every write is one transaction and leaves an audit event."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from apps.audit import services as audit
from apps.core.addresses import is_public
from apps.core.netfetch import FetchRefused, default_policy, vet_url
from apps.ingestion.models import WebSource
from apps.ingestion.tasks import ring
from apps.ingestion.web import addresses, crawl
from apps.ingestion.web.errors import AddressInvalid, AddressMissing, AlreadyVisiting, TooManyAddresses
from apps.ingestion.web.tasks import visit_source
from apps.libraries.models import Library
from apps.users.models import User

MAX_DEPTH = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What a source reads, and how often. `urls` as people typed them, one a line."""

    kind: str
    urls: str
    depth: int = 0
    max_pages: int = 50
    every_hours: int = 0


@transaction.atomic
def add_source(*, user: User, library: Library, plan: Plan) -> WebSource:
    """Add a source and begin to visit it. Raises AddressMissing, AddressInvalid or TooManyAddresses."""
    source = WebSource(team_id=library.team_id, library=library, created_by=user)
    _apply(source, plan)
    source.save(force_insert=True)
    _begin(source)
    audit.record("web.added", actor=user, team=library.team, target=source, detail={"url": str(source)})
    return source


@transaction.atomic
def change_source(*, user: User, source: WebSource, plan: Plan) -> WebSource:
    """Change a source and visit it again. Raises what `add_source` raises, and AlreadyVisiting."""
    row = _locked_at_rest(source)
    _apply(row, plan)
    _begin(row)
    audit.record("web.changed", actor=user, team=row.library.team, target=row, detail={"url": str(row)})
    return row


@transaction.atomic
def visit_now(*, user: User, source: WebSource) -> None:
    """Visit a source now. Raises AlreadyVisiting."""
    row = _locked_at_rest(source)
    _begin(row)
    audit.record("web.visited", actor=user, team=row.library.team, target=row)


@transaction.atomic
def stop_visit(*, user: User, source: WebSource) -> None:
    """Stop a visit: at once where it waits, else before its next page. One that is over stays as it is."""
    row = WebSource.objects.select_for_update(of=("self",)).select_related("library__team").get(pk=source.pk)
    if row.state == WebSource.State.QUEUED:
        crawl.drop_waiting(row)
        row.state = WebSource.State.IDLE
    elif row.state == WebSource.State.RUNNING:
        row.is_cancelled = True
    else:
        return
    row.save()
    audit.record("web.stopped", actor=user, team=row.library.team, target=row)


@transaction.atomic
def remove_source(*, user: User, source: WebSource) -> None:
    """Forget a source; the documents that it brought stay."""
    audit.record("web.removed", actor=user, team=source.library.team, target=source, detail={"url": str(source)})
    WebSource.objects.filter(pk=source.pk).delete()


def _locked_at_rest(source: WebSource) -> WebSource:
    row = WebSource.objects.select_for_update(of=("self",)).select_related("library__team").get(pk=source.pk)
    if row.is_live:
        raise AlreadyVisiting
    return row


def _begin(source: WebSource) -> None:
    crawl.begin(source)
    transaction.on_commit(partial(ring, visit_source, str(source.pk)))


def _apply(source: WebSource, plan: Plan) -> None:
    limit = settings.ENV.web_max_pages
    urls = vetted(plan.urls.split())
    if len(urls) > limit:
        raise TooManyAddresses(limit=limit)
    source.kind, source.urls = WebSource.Kind(plan.kind), urls
    source.depth = min(MAX_DEPTH, plan.depth) if plan.kind != WebSource.Kind.PAGES else 0
    source.max_pages = len(urls) if plan.kind == WebSource.Kind.PAGES else min(limit, plan.max_pages)
    source.every_hours = plan.every_hours


def vetted(typed: Sequence[str]) -> list[str]:
    """Return addresses in normal form, each once; one without a scheme is taken for https.

    Raises AddressMissing, or AddressInvalid for the first that netfetch would refuse: the same rule at save and at
    run (security case 61). What a name resolves to is looked at when it is asked.
    """
    found = dict.fromkeys(_vetted(text) for text in typed)
    if not found:
        raise AddressMissing
    return list(found)


def _vetted(text: str) -> str:
    url = text if "://" in text else f"https://{text}"
    policy = default_policy()
    try:
        canonical = str(vet_url(url, policy))
        if not _is_reachable(canonical, policy.internal):
            raise FetchRefused(reason="internal")
    except FetchRefused as error:
        raise AddressInvalid(url=text[:200], reason=error.params["reason"]) from error
    normal = addresses.normal(canonical)
    if not normal:
        raise AddressInvalid(url=text[:200], reason="form")
    return normal


def _is_reachable(url: str, internal: frozenset[str]) -> bool:
    """Return whether an address may be public: IP literals and localhost are decided here, names when asked."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if f"{host}:{port}" in internal:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
    return is_public(host)
