"""A team that exists only while something is measured, filled through the product's own ingestion."""

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from types import FrameType
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, models

from apps.core.errors import AppError
from apps.evaluation.sets import Source
from apps.ingestion.inline import run_jobs
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.ingestion.services import receive_upload
from apps.libraries.models import (
    Chunk,
    ChunkEmbedding,
    Document,
    DocumentVersion,
    Library,
    LibraryStatistics,
    TermStatistics,
)
from apps.rag.types import Scope
from apps.users.models import Team

logger = logging.getLogger(__name__)
NAME_PREFIX = "~evaluation "
UNTITLED = "untitled"
_MAX_NAME = 240
_LOCK_SPACE = 0x7A69  # advisory locks that say: the process that owns this scratch team lives


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch team with one library. `sources` tells which corpus entries a document stands for."""

    team: Team
    library: Library
    sources: dict[UUID, list[str]]

    @property
    def scope(self) -> Scope:
        """Return where a search of this corpus looks."""
        return Scope.whole(self.team.pk, (self.library.pk,))

    def chunk_count(self) -> int:
        """Return how many chunks the corpus became."""
        return Chunk.objects.filter(library=self.library).count()


@contextmanager
def scratch_library(
    sources: Sequence[Source], *, on_progress: Callable[[int, int], None] | None = None
) -> Iterator[Scratch]:
    """Ingest `sources` by the real pipeline and remove every trace afterwards, also on Ctrl-C, TERM or failure.

    What a killed run could not remove goes at the start of the next one. A source that cannot be read is logged and
    left out, as a file would be.
    """
    remove_abandoned()
    with _stopped_by_term():
        team = Team.objects.create(name=f"{NAME_PREFIX}{uuid4()}")
        _hold(team)
        try:
            library = Library.objects.create(team=team, name="scratch")
            yield Scratch(team, library, _ingest(library, sources, on_progress))
        finally:
            remove(team)


def remove_abandoned() -> int:
    """Remove the scratch teams whose process is gone; return how many."""
    removed = 0
    for team in Team.objects.filter(name__startswith=NAME_PREFIX):
        if _hold(team):
            remove(team)
            removed += 1
    return removed


def remove(team: Team) -> None:
    """Delete the team with everything in it, files included. Plain DELETEs: a cascade would load every chunk."""
    versions = DocumentVersion.objects.filter(document__library__team=team)
    keys = list(chain.from_iterable(versions.values_list("file", "blocks")))
    Document.objects.filter(library__team=team).update(current_version=None)
    doomed: Sequence[models.QuerySet[models.Model]] = (
        ChunkEmbedding.objects.filter(library__team=team),
        Chunk.objects.filter(team=team),
        TermStatistics.objects.filter(library__team=team),
        LibraryStatistics.objects.filter(library__team=team),
        StagedChunk.objects.filter(job__team=team),
        IngestionJob.objects.filter(team=team),
        versions,
        Document.objects.filter(library__team=team),
    )
    for rows in doomed:
        rows._raw_delete(rows.db)
    for key in filter(None, keys):
        default_storage.delete(key)
    team.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCK_SPACE, str(team.pk)])


def _ingest(
    library: Library, sources: Sequence[Source], on_progress: Callable[[int, int], None] | None
) -> dict[UUID, list[str]]:
    received: dict[UUID, list[str]] = {}
    for source in sources:
        try:
            document = receive_upload(
                user=None, library=library, file=ContentFile(source.text.encode()), name=file_name(source.title)
            )
        except AppError as error:
            logger.warning("not ingested", extra={"source": source.id, "code": error.code})
            continue
        received.setdefault(document.pk, []).append(source.id)
    jobs = IngestionJob.objects.filter(document__library=library).values_list("pk", flat=True)
    for job in run_jobs(list(jobs), on_progress=on_progress):
        if job.state != IngestionJob.State.DONE:
            logger.warning("not ingested", extra={"source": received[job.document_id], "code": job.error_code})
    return received


def file_name(title: str) -> str:
    """Return the name under which an entry is uploaded: its title, which must not read as a path."""
    plain = " ".join(title.replace("/", " ").replace("\\", " ").split())[:_MAX_NAME]
    return f"{plain or UNTITLED}.txt"


def _hold(team: Team) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_LOCK_SPACE, str(team.pk)])
        return bool(cursor.fetchone()[0])


@contextmanager
def _stopped_by_term() -> Iterator[None]:
    """Let a TERM signal unwind the stack as Ctrl-C does, so that the scratch team is removed."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
