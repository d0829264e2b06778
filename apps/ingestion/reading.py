"""The read stage of one held job: parse in a child, split, stage the chunks, hand over to embedding."""

import time
from dataclasses import dataclass

from django.db import transaction

from apps.core.crash import reach
from apps.ingestion import cutting, jobs, journal, page_reads, pipeline, rechunking, staging
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

_JOBS = IngestionJob.objects.select_related("version__document__library__team", "version__document__uploaded_by")
LONG_TEXT = 200_000  # characters; splitting a shorter one is over before anybody could see that it began


def read(held: Held) -> None:
    """Read the version of a held job and pass the job on. Raises AppError, or JobStopped when the lease is lost."""
    began = time.monotonic()
    with jobs.kept(held.owner):
        job = _JOBS.get(pk=held.job_id)
        stored = rechunking.stored_text(job.kind, job.version)
        if stored is not None:
            _cut(held, job, _Found(stored), began)
            return
        found = _read_file(held, job, began)
        if found is None:
            return
        _count_pages(held, job, found.parsed)
        if is_mere_container(found.parsed):
            _keep(job, found)
            settle_container(held, job.version, time.monotonic() - began)
            return
        _cut(held, job, found, began)


@dataclass(frozen=True, slots=True)
class _Found:
    """What reading gave; None for figures where the text was read before and they stay."""

    parsed: ParsedDocument
    figures: list[Figure] | None = None


def _read_file(held: Held, job: IngestionJob, began: float) -> _Found | None:
    """Read the file in a child; None for a long scan, whose job goes back so that others go first."""
    progress, version, name = Progress(held), job.version, job.version.document.name
    with pipeline.local_file(version.file) as path:
        _keep_media_type(version, media_type(path, name))
        asked = page_reads.asked(job)
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


def _cut(held: Held, job: IngestionJob, found: _Found, began: float) -> None:
    """Cut the text, stage its chunks with the vectors that are known, and pass the job on."""
    if sum(len(block.text) for block in found.parsed.blocks) > LONG_TEXT:
        _show_splitting(held)
    prepared = cutting.prepare(job.version, found.parsed)
    total, known = len(prepared.cut.chunks), len(prepared.vectors)
    with transaction.atomic():
        locked = jobs.lock(held)
        locked.version, locked.document = job.version, job.version.document
        journal.append(locked, "split", chunks=total, known=known)
        staging.stage(locked, prepared)
        if found.figures is not None:
            _keep(locked, found)
        jobs.move(locked, Stage.EMBED, done=known, total=total, seconds=time.monotonic() - began)
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
    if version.document.media_type != found:
        Document.objects.filter(pk=version.document_id).update(media_type=found)
    if version.media_type != found:
        DocumentVersion.objects.filter(pk=version.pk).update(media_type=found)
    version.document.media_type = version.media_type = found


def _count_pages(held: Held, job: IngestionJob, parsed: ParsedDocument) -> None:
    """Count the pages against the quotas of the person and the team, once per job. Raises QuotaExceeded."""
    if "counted_pages" in job.options:
        return
    document = job.version.document
    amounts = {Resource.PAGES: max(1, parsed.pages)}
    reserved = metering.reserve(user=document.uploaded_by, team=document.library.team, amounts=amounts)
    job.options["counted_pages"] = amounts[Resource.PAGES]
    with transaction.atomic():
        if held.rows().update(options=job.options):
            metering.settle(reserved.pk, amounts)
        else:  # whoever has the lease now counts them
            metering.release(reserved.pk)


def _show_splitting(held: Held) -> None:
    Document.objects.filter(pk=held.document_id).update(stage=Stage.SPLIT, progress_done=0, progress_total=0)


@transaction.atomic(savepoint=False)
def _keep(job: IngestionJob, found: _Found) -> None:
    """Keep text, pages and figures for the document page; an earlier reading's files go once this one is committed."""
    version = job.version
    before = version.blocks.name
    version.blocks.name = save_blocks(version, found.parsed.blocks)
    version.pages = found.parsed.pages
    version.save(update_fields=["blocks", "pages", "updated_at"])
    if before or found.parsed.page_reads:
        page_reads.keep_reads(job, found.parsed)
    if before or found.figures:
        page_reads.replace_figures(version, found.figures or [])
    if before:
        storage = version.blocks.storage
        transaction.on_commit(lambda: storage.delete(before))
