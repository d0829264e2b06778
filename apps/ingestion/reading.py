"""The read stage of one held job: parse in a child, split, stage the chunks, hand over to embedding."""

import time
from dataclasses import dataclass

from django.db import transaction

from apps.core.crash import reach
from apps.ingestion import cutting, jobs, page_reads, pipeline, rechunking, staging
from apps.ingestion.heartbeat import Heartbeat
from apps.ingestion.jobs import Held, Stage
from apps.ingestion.models import IngestionJob
from apps.ingestion.parse_errors import Unfinished
from apps.ingestion.parsers.host import Reading
from apps.ingestion.parts import is_mere_container, keep_parts, settle_container
from apps.ingestion.progress import Progress
from apps.ingestion.sniffing import media_type
from apps.libraries.models import Document, DocumentVersion, Figure
from apps.libraries.reading import save_blocks
from apps.libraries.types import ParsedDocument
from apps.metering import services as metering
from apps.metering.models import Resource


def read(held: Held) -> None:
    """Read the version of a held job and pass the job on. Raises AppError, or JobStopped when the lease is lost."""
    began = time.monotonic()
    with Heartbeat(held.owner):
        version = DocumentVersion.objects.select_related("document__library__team", "document__uploaded_by").get(
            pk=held.version_id
        )
        stored = rechunking.stored_text(_kind(held), version)
        if stored is not None:
            _cut(held, version, _Found(stored), began)
            return
        found = _read_file(held, version, began)
        if found is None:
            return
        _count_pages(held, version, found.parsed)
        if is_mere_container(found.parsed):
            _keep(held, version, found)
            settle_container(held, version, time.monotonic() - began)
            return
        _cut(held, version, found, began)


@dataclass(frozen=True, slots=True)
class _Found:
    """What reading gave; None for figures where the text was read before and they stay."""

    parsed: ParsedDocument
    figures: list[Figure] | None = None


def _read_file(held: Held, version: DocumentVersion, began: float) -> _Found | None:
    """Read the file in a child; None for a long scan, whose job goes back so that others go first."""
    progress, name = Progress(held), version.document.name
    with pipeline.local_file(version.file) as path:
        _keep_media_type(version, media_type(path, name))
        asked = page_reads.asked(held, version)
        try:
            reading = pipeline.read_file(path, name, progress, asked, is_whole=False)
        except Unfinished as part:
            done, total = int(str(part.params["done"])), int(str(part.params["total"]))
            jobs.pass_on(held, Stage.READ, done=done, total=total, seconds=time.monotonic() - began)
            return None
        with reading:
            keep_parts(version, reading, progress)
            found = _Found(reading.parsed, page_reads.keep_figures(version, reading))
    _note(held, reading)
    reach("after-parse")
    return found


def _kind(held: Held) -> str:
    return IngestionJob.objects.values_list("kind", flat=True).get(pk=held.job_id)


def _cut(held: Held, version: DocumentVersion, found: _Found, began: float) -> None:
    """Cut the text, stage its chunks with the vectors that are known, and pass the job on."""
    _show_splitting(held)
    prepared = cutting.prepare(version, found.parsed)
    total, known = len(prepared.cut.chunks), len(prepared.vectors)
    jobs.note(held, "split", chunks=total, known=known)
    with transaction.atomic():
        staging.stage(held, prepared)
        if found.figures is not None:
            _keep(held, version, found)
        jobs.pass_on(held, Stage.EMBED, done=known, total=total, seconds=time.monotonic() - began)
        reach("after-stage")


def _note(held: Held, reading: Reading) -> None:
    jobs.note(
        held,
        "parsed",
        kind=reading.kind,
        pages=reading.parsed.pages,
        blocks=len(reading.parsed.blocks),
        mib=round(reading.peak_mib),
    )


def _keep_media_type(version: DocumentVersion, found: str) -> None:
    """Remember what the bytes are, also of a file that is refused next: downloads and icons go by it."""
    Document.objects.filter(pk=version.document_id).update(media_type=found)
    DocumentVersion.objects.filter(pk=version.pk).update(media_type=found)
    version.media_type = found


def _count_pages(held: Held, version: DocumentVersion, parsed: ParsedDocument) -> None:
    """Count the pages against the quotas of the person and the team, once per job. Raises QuotaExceeded."""
    document = version.document
    uncounted = held.rows().exclude(options__has_key="counted_pages")
    if not uncounted.exists():
        return
    amounts = {Resource.PAGES: max(1, parsed.pages)}
    reserved = metering.reserve(user=document.uploaded_by, team=document.library.team, amounts=amounts)
    with transaction.atomic():
        for job in uncounted.select_for_update():
            job.options["counted_pages"] = amounts[Resource.PAGES]
            job.save(update_fields=["options"])
        metering.settle(reserved.pk, amounts)


def _show_splitting(held: Held) -> None:
    Document.objects.filter(pk=held.document_id).update(stage=Stage.SPLIT, progress_done=0, progress_total=0)


@transaction.atomic
def _keep(held: Held, version: DocumentVersion, found: _Found) -> None:
    """Keep text, pages and figures for the document page; an earlier reading's files go once this one is committed."""
    before = version.blocks.name
    version.blocks.name = save_blocks(version, found.parsed.blocks)
    version.pages = found.parsed.pages
    version.save(update_fields=["blocks", "pages", "updated_at"])
    page_reads.keep_reads(held, version, found.parsed)
    page_reads.replace_figures(version, found.figures or [])
    if before:
        storage = version.blocks.storage
        transaction.on_commit(lambda: storage.delete(before))
