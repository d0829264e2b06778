"""Stops the work on a deleted team's documents before they go."""

from uuid import UUID

from apps.ingestion.models import IngestionJob, WebSource
from apps.users.deletion import Beat, removes

AT_ONCE = 500


@removes("ingestion", order=20)
def remove_jobs(team_id: UUID, beat: Beat) -> None:
    """Remove the team's web sources and jobs: a worker that holds one finds its lease lost."""
    WebSource.objects.filter(team=team_id).delete()
    while ids := list(IngestionJob.objects.filter(team=team_id).values_list("pk", flat=True)[:AT_ONCE]):
        IngestionJob.objects.filter(pk__in=ids).delete()
        beat()
