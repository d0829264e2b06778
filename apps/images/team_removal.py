"""What a deleted team's studio leaves outside of its rows: files, counted bytes, adapters, progress in Valkey."""

from uuid import UUID

from apps.images import files, gallery, jobs, live, training_services
from apps.images.models import ImageJob, Picture
from apps.users.deletion import Beat, removes
from apps.users.models import Team

AT_ONCE = 100


@removes("images", order=20)
def remove_pictures(team_id: UUID, beat: Beat) -> None:
    """Stop the team's jobs, and remove its pictures, its adapters and whatever else is stored of its studio."""
    team = Team.objects.filter(pk=team_id).first()
    if team is not None:
        training_services.remove_adapters_of(team)  # by the jobs that trained them
    while ids := list(ImageJob.objects.filter(team=team_id).values_list("pk", flat=True)[:AT_ONCE]):
        for job_id in ids:
            jobs.cancel(job_id)
            live.forget(job_id)
        ImageJob.objects.filter(pk__in=ids).delete()  # a worker that is still at one finds that it has lost it
        beat()
    while ids := list(Picture.objects.filter(team=team_id).values_list("pk", flat=True)[:AT_ONCE]):
        for picture_id in ids:
            gallery.remove_whatever(picture_id)
        beat()
    files.remove_folder(team_id)
