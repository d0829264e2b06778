"""Regular work on libraries."""

from celery import shared_task

from apps.libraries import purge as purging


@shared_task(ignore_result=True, time_limit=3_000)
def purge() -> None:
    """Remove for good what was deleted long enough ago."""
    purging.purge()
