"""The index stage of one held job: one transaction writes chunks and vectors and settles the job."""

import time

from django.db import transaction

from apps.catalog.services import is_serving
from apps.core.crash import reach
from apps.ingestion import jobs, rechunking, staging
from apps.ingestion.chunking import stored_rule
from apps.ingestion.jobs import Held, Stage
from apps.ingestion.models import IngestionJob
from apps.libraries.lexical_store import tidy_index
from apps.libraries.services import store_version
from apps.libraries.types import Cutting


def index(held: Held) -> None:
    """Store the staged chunks of a held job as its version's. Raises JobStopped when the lease is lost."""
    began = time.monotonic()
    with jobs.kept(held.owner):
        job = IngestionJob.objects.select_related("model", "version__document__library").get(pk=held.job_id)
        loaded = staging.load(held.job_id)
        if job.model is None or job.model.dimensions not in (None, loaded.vectors.shape[1]):
            jobs.pass_on(held, Stage.EMBED, total=len(loaded.drafts))  # the model was removed meanwhile: embed anew
            return
        rule = stored_rule(job.options.get("chunking", {}))
        with transaction.atomic():
            if not is_serving(job.model):  # another one took its place meanwhile: embed anew
                jobs.pass_on(held, Stage.EMBED, total=len(loaded.drafts))
                return
            locked = jobs.lock(held)
            is_stored = store_version(
                version=job.version,
                drafts=loaded.drafts,
                vectors=loaded.vectors,
                model=job.model,
                blocks=None,
                cutting=Cutting(rule.digest, loaded.sections),
            )
            if is_stored:
                jobs.finish(locked, seconds=time.monotonic() - began)
                rechunking.catch_up(job.version, rule)
                reach("before-index-commit")
            else:
                jobs.drop(held)
    reach("after-index-commit")
    tidy_index()
