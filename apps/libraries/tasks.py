"""Regular work on libraries."""

from celery import shared_task

from apps.libraries import purge as purging
from apps.libraries import validity


@shared_task(ignore_result=True, time_limit=3_000)
def purge() -> None:
    """Remove for good what was deleted long enough ago."""
    purging.purge()


@shared_task(ignore_result=True, time_limit=600)
def remind() -> None:
    """Tell owners of documents that expire soon."""
    validity.remind()
