"""What must hold once the faults have stopped: everything that was promised is there, once."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import DatabaseError, connection

from apps.core.invariants import verify
from apps.ingestion import temp
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.models import Document
from apps.libraries.purge import orphans, remove_orphans


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended."""

    promised: int
    ready: int
    failed: dict[str, int]
    missing: int
    twice: int
    drain_s: float
    left_staged: int
    orphans: int
    swept: int  # temporary files of killed processes
    left_temp: int
    broken: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Return whether nothing was lost, nothing is there twice, and everything that must hold does."""
        return self.ready == self.promised and not (
            self.missing or self.twice or self.left_staged or self.broken or self.left_temp or self.failed
        )


def drain(limit_s: float) -> float:
    """Wait until no job is live; returns how long that took, the limit where some still are."""
    began = time.monotonic()
    while time.monotonic() - began < limit_s:
        try:
            if not IngestionJob.objects.filter(state__in=IngestionJob.LIVE).exists():
                return time.monotonic() - began
        except DatabaseError:
            connection.close()
        time.sleep(0.5)
    return limit_s


def judge(promised: Collection[str], library_id: str, drain_s: float) -> Verdict:
    """Compare what was promised with what is there."""
    documents = list(Document.objects.filter(library_id=library_id))
    by_id = {str(document.pk): document for document in documents}
    states = [by_id[one] for one in promised if one in by_id]
    failed: dict[str, int] = {}
    for document in states:
        if document.status != Document.Status.READY:
            reason = document.error_code or document.status
            failed[reason] = failed.get(reason, 0) + 1
    found = len(list(orphans(timedelta(0))))
    remove_orphans(timedelta(0))
    return Verdict(
        promised=len(promised),
        ready=sum(document.status == Document.Status.READY for document in states),
        failed=failed,
        missing=len(promised) - len(states),
        twice=len(documents) - len({document.sha256 for document in documents}),
        drain_s=drain_s,
        left_staged=StagedChunk.objects.count(),
        orphans=found,
        swept=temp.sweep(timedelta(0)),
        left_temp=len(list(temp.leftovers(timedelta(0)))),
        broken=[f"{one.check}: {one.what}" for one in verify()],
    )
