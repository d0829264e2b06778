"""The index stage of one held job: one transaction writes chunks and vectors and settles the job."""

import time

from django.db import transaction

from apps.core.crash import reach
from apps.ingestion import jobs, staging
from apps.ingestion.heartbeat import Heartbeat
from apps.ingestion.jobs import Held, Stage
from apps.ingestion.models import IngestionJob
from apps.libraries.models import DocumentVersion
from apps.libraries.services import store_version


def index(held: Held) -> None:
    """Store the staged chunks of a held job as its version's. Raises JobStopped when the lease is lost."""
    began = time.monotonic()
    with Heartbeat(held.owner):
        job = IngestionJob.objects.select_related("model").get(pk=held.job_id)
        drafts, vectors = staging.load(held.job_id)
        if job.model is None or job.model.dimensions not in (None, vectors.shape[1]):
            jobs.pass_on(held, Stage.EMBED, total=len(drafts))  # the model was removed meanwhile: embed anew
            return
        version = DocumentVersion.objects.select_related("document__library").get(pk=held.version_id)
        with transaction.atomic():
            jobs.lock(held)
            is_stored = store_version(version=version, drafts=drafts, vectors=vectors, model=job.model, blocks=None)
            if is_stored:
                jobs.finish(held, seconds=time.monotonic() - began)
                reach("before-index-commit")
            else:
                jobs.drop(held)
    reach("after-index-commit")
