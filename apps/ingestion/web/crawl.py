"""Visits a source page by page. Every page is a row, so a crash loses at most the visit of one page.

A worker owns a source by a lease, like a job; each visit is kept in one transaction that looks at the lease first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.audit import services as audit
from apps.core.errors import AppError
from apps.ingestion import jobs, replacing, services
from apps.ingestion.models import WebPage, WebSource
from apps.ingestion.web import addresses
from apps.ingestion.web.errors import DeletedHere, SameAddress
from apps.ingestion.web.visiting import Visit, visit
from apps.libraries.models import Document

Kind = WebSource.Kind
State = WebSource.State
Page = WebPage.State
LEASE_S = 180  # longer than a visit may take: robots.txt, fetch, parse
MAX_SITEMAPS = 200
_OPEN = Q(team__suspended_at=None, team__deletion_at=None)  # nothing is fetched for a team that nobody gets into


@dataclass(frozen=True, slots=True)
class Lost(Exception):
    """The lease is somebody else's, or the source is gone."""


@dataclass(frozen=True, slots=True)
class Held:
    """A source that this process owns."""

    source: WebSource
    owner: str

    def lock(self) -> WebSource:
        """Return the source's row, locked until the transaction ends. Raises Lost."""
        rows = WebSource.objects.select_for_update(of=("self",)).filter(pk=self.source.pk, lease_owner=self.owner)
        row = rows.select_related("library__team", "created_by").filter(state=State.RUNNING).first()
        if row is None:
            raise Lost
        return row


def claim(source_id: UUID) -> Held | None:
    """Lease a waiting source to this process; None when somebody else was quicker or it does not wait."""
    owner = jobs.new_owner()
    waiting = WebSource.objects.filter(pk=source_id, state=State.QUEUED)
    taken = waiting.update(
        state=State.RUNNING, lease_owner=owner, lease_until=Now() + timedelta(seconds=LEASE_S), updated_at=Now()
    )
    if not taken:
        return None
    source = WebSource.objects.select_related("library__team", "created_by").get(pk=source_id)
    return Held(source, owner)


def begin(source: WebSource) -> None:
    """Queue a new visit of everything: where the source begins, and the pages that became documents before.

    Needs a transaction that has the source's row locked.
    """
    source.run += 1
    source.state, source.is_cancelled, source.error_code, source.error_params = State.QUEUED, False, "", {}
    source.started_at, source.finished_at, source.next_at = timezone.now(), None, None
    source.save()
    is_sitemap = source.kind == Kind.SITEMAP
    queue_pages(source, source.urls, depth=0, is_sitemap=is_sitemap)
    known = WebPage.objects.filter(source=source, document__isnull=False, run__lt=source.run)
    known.update(run=source.run, state=Page.WAITING, error_code="", error_params={})


def queue_pages(source: WebSource, urls: Sequence[str], *, depth: int, is_sitemap: bool = False) -> None:
    """Queue addresses for this visit: new ones as far as the source's limit allows, each once."""
    if not urls:
        return
    here = WebPage.objects.filter(source=source, is_sitemap=is_sitemap)
    stale = here.filter(url__in=urls, run__lt=source.run)
    stale.update(run=source.run, state=Page.WAITING, depth=depth, error_code="", error_params={})
    there = set(WebPage.objects.filter(source=source, url__in=urls).values_list("url", flat=True))
    limit = MAX_SITEMAPS if is_sitemap else source.max_pages
    room = max(0, limit - here.filter(run=source.run).count())
    fresh = [url for url in urls if url not in there][:room]
    WebPage.objects.bulk_create(
        [WebPage(source=source, url=url, depth=depth, run=source.run, is_sitemap=is_sitemap) for url in fresh],
        ignore_conflicts=True,
    )


def next_page(held: Held) -> WebPage | None:
    """Return the next page to visit: sitemaps first, then those nearest to the beginning; None when all are done."""
    waiting = WebPage.objects.filter(source=held.source, run=held.source.run, state=Page.WAITING)
    return waiting.select_related("document").order_by("-is_sitemap", "depth", "pk").first()


def visit_next(held: Held) -> WebPage | None:
    """Visit one page and keep what was found; None when none waits. Raises Lost."""
    page = next_page(held)
    if page is None:
        return None
    found = DELETED if page.document and page.document.deleted_at else visit(held.source, page)
    with transaction.atomic():
        source = held.lock()
        source.lease_until = timezone.now() + timedelta(seconds=LEASE_S)
        source.save(update_fields=["lease_until"])
        _keep(source, page, found)
    return page


DELETED = Visit(Page.SKIPPED, error_code=DeletedHere.code)


def _keep(source: WebSource, page: WebPage, found: Visit) -> None:
    """Write what a visit found: the page's row, its document, the pages it leads to."""
    if _is_elsewhere(source, page, found):
        found = Visit(Page.SKIPPED, error_code=SameAddress.code, error_params={"url": found.url})
    page.state, page.error_code, page.error_params = found.state, found.error_code, found.error_params
    if page.state == Page.GONE and page.document is None:  # it was never there
        page.state = Page.FAILED
    if found.body:
        _store(source, page, found)
    if page.state in {Page.NEW, Page.CHANGED, Page.SAME} and found.bytes_digest:
        page.etag, page.last_modified = found.etag, found.last_modified
        page.bytes_digest, page.text_digest = found.bytes_digest, found.text_digest
    _follow_existence(source, page)
    page.checked_at = timezone.now()
    page.save()
    queue_pages(source, _wanted(source, found.links), depth=page.depth + 1)
    if page.depth < source.depth:
        queue_pages(source, found.sitemaps, depth=page.depth + 1, is_sitemap=True)


def _is_elsewhere(source: WebSource, page: WebPage, found: Visit) -> bool:
    """Return whether a redirect led to another page of the source, which is visited by itself."""
    if not found.url or found.url == page.url:
        return False
    return WebPage.objects.filter(source=source, url=found.url).exclude(pk=page.pk).exists()


def _wanted(source: WebSource, links: Iterable[str]) -> list[str]:
    """Return the links that belong to the source: below its start, or whatever a sitemap names."""
    if source.kind == Kind.PAGES:
        return []
    if source.kind == Kind.SITEMAP:
        return list(links)
    return [link for link in links if any(addresses.is_below(link, start) for start in source.urls)]


def _store(source: WebSource, page: WebPage, found: Visit) -> None:
    """Make the page's document, or its next version. A failure (no space, no quota) is the page's ending."""
    try:
        with transaction.atomic():
            file = ContentFile(found.body)
            if page.document is None:
                page.document = services.take_upload(
                    user=source.created_by,
                    library=source.library,
                    file=file,
                    name=found.name,
                    folder=addresses.folder_of(page.url),
                    source_url=page.url,
                ).document
            else:
                replacing.replace_upload(user=source.created_by, document=page.document, file=file)
    except AppError as error:
        page.state, page.error_code, page.error_params = Page.FAILED, error.code, dict(error.params)


def _follow_existence(source: WebSource, page: WebPage) -> None:
    """Leave a page that is gone out of the search, and take it in again once it is back."""
    document = page.document
    if document is None or page.state not in {Page.GONE, Page.NEW, Page.CHANGED, Page.SAME}:
        return
    is_back = page.state != Page.GONE
    if is_back and not page.was_gone:
        return
    if Document.objects.filter(pk=document.pk, is_enabled=not is_back).update(is_enabled=is_back):
        action = "document.enabled" if is_back else "document.disabled"
        audit.record(action, actor=None, team=source.library.team, target=document, detail={"reason": "web"})
    page.was_gone = not is_back


def finish(held: Held) -> None:
    """Settle a source whose pages are all visited; the next visit is due after its interval."""
    with transaction.atomic():
        source = held.lock()
        _rest(source)
        failed = _all_failed(source)
        source.state = State.FAILED if failed else State.IDLE
        source.error_code = failed.error_code if failed else ""
        source.error_params = failed.error_params if failed else {}
        source.save()


def stop(held: Held) -> None:
    """Settle a source that somebody stopped: what waits is left as it was."""
    with transaction.atomic():
        source = held.lock()
        drop_waiting(source)
        _rest(source)
        source.state = State.IDLE
        source.save()


def drop_waiting(source: WebSource) -> None:
    """Forget the pages of this visit that were not reached: new ones go, known ones keep their document."""
    waiting = WebPage.objects.filter(source=source, state=Page.WAITING)
    waiting.filter(document=None).delete()
    waiting.update(state=Page.SAME)


def release(held: Held) -> bool:
    """Queue the source again for its next shift; returns whether it was still ours."""
    mine = WebSource.objects.filter(pk=held.source.pk, lease_owner=held.owner, state=State.RUNNING)
    return bool(mine.update(state=State.QUEUED, lease_owner="", lease_until=None, updated_at=Now()))


def is_wanted(held: Held) -> bool:
    """Return whether nobody stopped the source and its library still exists."""
    mine = WebSource.objects.filter(pk=held.source.pk, lease_owner=held.owner, state=State.RUNNING)
    return mine.filter(_OPEN, is_cancelled=False, library__deleted_at=None).exists()


def wake() -> list[UUID]:
    """Queue what is due and what dead workers held; returns the sources that wait."""
    lost = WebSource.objects.filter(state=State.RUNNING, lease_until__lt=Now())
    lost.update(state=State.QUEUED, lease_owner="", lease_until=None)
    due = Q(state__in=[State.IDLE, State.FAILED], next_at__lte=Now(), library__deleted_at=None) & _OPEN
    for source_id in WebSource.objects.filter(due).values_list("pk", flat=True):
        with transaction.atomic():
            source = WebSource.objects.select_for_update(of=("self",), skip_locked=True).filter(due, pk=source_id)
            row = source.first()
            if row is not None:
                begin(row)
    waiting = WebSource.objects.filter(_OPEN, state=State.QUEUED, library__deleted_at=None, library__is_paused=False)
    return list(waiting.order_by("updated_at").values_list("pk", flat=True)[:50])


def _rest(source: WebSource) -> None:
    source.lease_owner, source.lease_until, source.is_cancelled = "", None, False
    source.finished_at = timezone.now()
    hours = source.every_hours
    source.next_at = source.finished_at + timedelta(hours=hours) if hours else None


def _all_failed(source: WebSource) -> WebPage | None:
    """Return the first failed page of a visit in which nothing succeeded, else None."""
    ended = WebPage.objects.filter(source=source, run=source.run)
    if ended.exclude(Q(state=Page.FAILED) | Q(state=Page.SKIPPED)).filter(is_sitemap=False).exists():
        return None
    return ended.exclude(error_code="").order_by("pk").first()
