"""The pages of a version as they are read: what was recognised is kept at once; settings that people chose; figures."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from apps.core import crypto
from apps.ingestion.models import IngestionJob
from apps.ingestion.parsers.host import PIECE_BYTES, Reading
from apps.ingestion.parsers.types import PageSetting
from apps.ingestion.parsers.wire import line_row, page_of
from apps.ingestion.pipeline import Asked
from apps.libraries.models import DocumentVersion, Figure, PageReading
from apps.libraries.types import Block, FigureFound, PageRead, ParsedDocument

ROWS = 500  # per INSERT
_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class PageKeeper:
    """Keeps the pages of the version of one held job as they come."""

    version: DocumentVersion
    settings: Mapping[int, dict[str, Any]]

    def keep(self, page: PageRead) -> None:
        """Store a page that was just recognised: a crash later does not cost it again."""
        values = {**_columns(page), "setting": self.settings.get(page.page, {})}
        PageReading.objects.update_or_create(version=self.version, page=page.page, defaults=values)


def asked(job: IngestionJob) -> Asked:
    """Return what is known of a job's version before it is read: its password, chosen settings, recognised pages."""
    version = job.version
    rows = list(PageReading.objects.filter(~Q(method=PageReading.Method.TEXT) | ~Q(setting={}), version=version))
    wanted = _wanted(job, rows)
    recognised = [row for row in rows if row.method != PageReading.Method.TEXT]
    known = {} if _starts_anew(job, version) else _known(recognised, wanted)
    settings = {number: PageSetting(**setting) for number, setting in wanted.items()}
    return Asked(password_of(version), settings, known, PageKeeper(version, wanted).keep)


def _wanted(job: IngestionJob, rows: Iterable[PageReading]) -> dict[int, dict[str, Any]]:
    """Return the settings that people chose, by page: those of before (`rows`), and those that this job is about."""
    chosen = {row.page: row.setting for row in rows if row.setting}
    return chosen | {int(number): setting for number, setting in job.options.get("pages", {}).items()}


def _known(rows: list[PageReading], wanted: Mapping[int, dict[str, Any]]) -> dict[int, PageRead]:
    """Return the pages that need not be recognised again: those read by the setting that is wanted now."""
    known = {}
    for row in rows:
        if row.setting == wanted.get(row.page, {}) and (row.lines or row.method != PageReading.Method.OCR):
            columns = [row.page, row.method, row.characters, row.confidence, row.rotation, row.lines]
            known[row.page] = page_of(columns)
    return known


def _starts_anew(job: IngestionJob, version: DocumentVersion) -> bool:
    """Return whether everything is to be recognised again: a person has a version read again that was read before.

    Tries of one job, and a failed job's successors, go on where the last one ended.
    """
    if job.kind != IngestionJob.Kind.READ or not version.blocks or job.options.get("is_under_way"):
        return False
    job.options["is_under_way"] = True
    IngestionJob.objects.filter(pk=job.pk).update(options=job.options)
    PageReading.objects.filter(version=version, setting={}).update(lines=[])
    return True


def password_of(version: DocumentVersion) -> str | None:
    """Return the password that somebody gave for an encrypted file. Raises SecretUnreadable."""
    return crypto.unseal(version.password, place=place(version)) if version.password else None


def place(version: DocumentVersion) -> str:
    """Return the place that a version's password is sealed for."""
    return f"libraries.documentversion:{version.pk}"


def keep_reads(job: IngestionJob, parsed: ParsedDocument) -> None:
    """Replace what is known of the pages by the reading that is being stored; call it in its transaction."""
    version = job.version
    chosen = _wanted(job, PageReading.objects.filter(version=version).exclude(setting={}).only("page", "setting"))
    PageReading.objects.filter(version=version).delete()
    PageReading.objects.bulk_create(
        (
            PageReading(version=version, page=page.page, setting=chosen.get(page.page, {}), **_columns(page))
            for page in parsed.page_reads
        ),
        batch_size=ROWS,
    )


def _columns(page: PageRead) -> dict[str, Any]:
    return {
        "method": page.method,
        "confidence": page.confidence,
        "characters": page.characters,
        "rotation": page.rotation,
        "lines": [line_row(line) for line in page.lines],
    }


def keep_figures(version: DocumentVersion, reading: Reading) -> list[Figure]:
    """Write the pictures of a reading into the storage; returns their rows, not saved, for `replace_figures`."""
    starts = _starts(reading.parsed.blocks)
    return [_figure(version, reading, ordinal, found, starts) for ordinal, found in enumerate(reading.parsed.figures)]


def replace_figures(version: DocumentVersion, figures: list[Figure]) -> None:
    """Switch a version to these figures; the files of the old ones go once that is committed."""
    old = Figure.objects.filter(version=version)
    keys = list(old.values_list("file", flat=True))
    old.delete()
    Figure.objects.bulk_create(figures, batch_size=ROWS)
    transaction.on_commit(partial(_delete_files, keys))


def _delete_files(keys: list[str]) -> None:
    for key in keys:
        default_storage.delete(key)


def _figure(version: DocumentVersion, reading: Reading, ordinal: int, found: FigureFound, starts: list[int]) -> Figure:
    suffix = _SUFFIXES.get(found.media_type, "png")
    key = f"figures/{version.id.hex[:2]}/{version.id.hex}-{uuid.uuid4().hex[:12]}.{suffix}"
    stored = default_storage.save(key, cast("File[bytes]", _Pieces(reading, found)))
    box = [found.box.x0, found.box.y0, found.box.x1, found.box.y1] if found.box else None
    return Figure(
        version=version,
        ordinal=ordinal,
        page=found.page,
        box=box,
        char_at=starts[min(found.block, len(starts) - 1)],
        caption=found.caption.replace("\x00", "")[:500],
        file=stored,
        media_type=found.media_type,
        width=found.width,
        height=found.height,
    )


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A figure's bytes in the result file, as the storage asks for them."""

    reading: Reading
    found: FigureFound

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the bytes in pieces."""
        return self.reading.pieces(self.found.data, chunk_size or PIECE_BYTES)


def _starts(blocks: tuple[Block, ...]) -> list[int]:
    """Return where in the whole text each block begins, and where the text ends."""
    starts, at = [], 0
    for block in blocks:
        starts.append(at)
        at += len(block.text) + 2  # blocks are joined by an empty line
    return [*starts, max(0, at - 2)]
