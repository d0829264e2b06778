"""What must always hold of the jobs that read documents."""

from datetime import timedelta

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Now

from apps.core.invariants import invariant
from apps.ingestion import jobs, temp
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.models import Document

SHOWN = 20


@invariant("ingestion.running-jobs-have-a-lease")
def running_jobs_have_a_lease() -> list[str]:
    """A running job has an owner and a lease that ended at most one lease ago: then the poller takes it back."""
    late = Q(lease_until=None) | Q(lease_owner="") | Q(lease_until__lt=Now() - jobs.lease())
    rows = IngestionJob.objects.filter(late, state=IngestionJob.State.RUNNING)[:SHOWN]
    return [f"job {job.pk} runs without a lease" for job in rows]


@invariant("ingestion.settled-jobs-have-no-staged-chunks")
def settled_jobs_have_no_staged_chunks() -> list[str]:
    """Chunks are staged for live jobs only, numbered 0..n-1 once they wait for vectors."""
    leftover = (
        StagedChunk.objects.exclude(job__state__in=IngestionJob.LIVE).values("job").annotate(n=Count("pk"))[:SHOWN]
    )
    return [f"job {row['job']} is settled and has {row['n']} staged chunks" for row in leftover]


@invariant("ingestion.unsettled-documents-have-a-job")
def unsettled_documents_have_a_job() -> list[str]:
    """Every document that is not deleted and not settled has a live job, and a settled one has none."""
    live = Exists(IngestionJob.objects.filter(document=OuterRef("pk"), state__in=IngestionJob.LIVE))
    documents = Document.objects.filter(deleted_at=None, library__deleted_at=None).annotate(is_live=live)
    settled = Q(status__in=Document.SETTLED)
    stranded = documents.filter(~settled, is_live=False)[:SHOWN]
    busy = documents.filter(settled, is_live=True)[:SHOWN]
    return [f"document {row.pk} waits and has no job" for row in stranded] + [
        f"document {row.pk} is settled and has a live job" for row in busy
    ]


@invariant("ingestion.jobs-are-about-their-own-document")
def jobs_are_about_their_own_document() -> list[str]:
    """A job's version is of its document, and its team the library's."""
    wrong = ~Q(version__document=F("document")) | ~Q(team=F("document__library__team"))
    return [f"job {job.pk} mixes documents or teams" for job in IngestionJob.objects.filter(wrong)[:SHOWN]]


@invariant("ingestion.temporary-files-are-gone")
def temporary_files_are_gone() -> list[str]:
    """The temporary directory is back at its baseline: nothing lies there longer than the longest job and a sweep."""
    old = temp.left_after() + timedelta(hours=1)
    return [f"{path.name} was left in the temporary directory" for path in temp.leftovers(old)][:SHOWN]
