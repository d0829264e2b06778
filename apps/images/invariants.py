"""What must always hold of jobs and pictures, checked by `manage.py verify_invariants`."""

from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models import Count, F, Q
from django.db.models.functions import Now

from apps.core.invariants import invariant
from apps.images.models import ImageJob, Picture
from apps.metering.models import Reservation

State = ImageJob.State
GRACE = timedelta(minutes=2)  # the poller looks every ten seconds
FILES_MAX = 5_000  # the newest, whose files are looked for one by one


@invariant("images.jobs-end")
def jobs_end() -> list[str]:
    """Every running job has a worker that gives signs of life, or is taken back."""
    silent = ImageJob.objects.filter(state=State.RUNNING).exclude(lease_until__gt=Now() - GRACE)
    return [f"Picture job {pk} is running without a lease." for pk in silent.values_list("pk", flat=True)[:20]]


@invariant("images.jobs-count-their-pictures")
def jobs_count_their_pictures() -> list[str]:
    """A job that is done drew all its pictures; a live one has exactly those it counts, and none has more."""
    jobs = ImageJob.objects.exclude(kind=ImageJob.Kind.TRAIN).annotate(n=Count("pictures"))
    wrong = jobs.filter(
        Q(n__gt=F("done")) | Q(state__in=ImageJob.LIVE) & ~Q(n=F("done")) | Q(state=State.DONE) & ~Q(done=F("total"))
    )
    rows = wrong.values_list("pk", "state", "done", "total", "n")[:20]
    return [
        f"Picture job {pk} is {state} with {done} of {total}, and has {n} pictures."
        for pk, state, done, total, n in rows
    ]


@invariant("images.reservations-settled")
def reservations_settled() -> list[str]:
    """No job that ended holds quota."""
    ended = ImageJob.objects.exclude(state__in=ImageJob.LIVE).exclude(reservation=None)
    held = Reservation.objects.filter(state=Reservation.State.OPEN, pk__in=ended.values("reservation"))
    return [f"Reservation {pk} is open though its picture job ended." for pk in held.values_list("pk", flat=True)[:20]]


@invariant("images.files-exist")
def files_exist() -> list[str]:
    """Every picture has its file and its thumbnail."""
    newest = Picture.objects.order_by("-created_at").values_list("pk", "file", "thumbnail")[:FILES_MAX]
    return [
        f"A file of picture {pk} is missing."
        for pk, *names in newest.iterator()
        if not all(name and default_storage.exists(name) for name in names)
    ][:20]


@invariant("images.same-team")
def same_team() -> list[str]:
    """Pictures are in the team of their job, of their board and of what they were made from."""
    crossed = Picture.objects.filter(
        Q(job__isnull=False) & ~Q(job__team=F("team"))
        | Q(board__isnull=False) & ~Q(board__team=F("team"))
        | Q(origin__isnull=False) & ~Q(origin__team=F("team"))
    )
    return [f"Picture {pk} hangs on something of another team." for pk in crossed.values_list("pk", flat=True)[:20]]
