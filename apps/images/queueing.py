"""Whose turn it is. Every picture is a slice: after it the job goes back into the queue, and the next one is chosen.

Teams share the workers by start-time fair queueing (Goyal, Vin and Cheng 1996): a slice begins, in virtual time, when
its team's last one ended or, if that is later, where the newest slice of all began; the earliest begins first. So
whoever was served least lately comes first, waiting in idleness earns nothing and costs nothing, and a team with one
job waits for at most one slice of each other team. Within a team its people share in the same way, and within a
person the oldest job is first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.images import pace
from apps.images.errors import QueueFull
from apps.images.limits import Limits
from apps.images.models import ImageJob, ImageTurn
from apps.users.models import Team, User

State = ImageJob.State

# `began` and `ended` are NULL for a team or person that was never served: it begins where all others are.
_NEXT = """
    SELECT j.id, greatest(t.ended, v.began) AS at_team, greatest(u.ended, p.began) AS at_person
    FROM images_imagejob j
    LEFT JOIN images_imageturn t ON t.team_id = j.team_id AND t.owner_id IS NULL
    LEFT JOIN images_imageturn u ON u.team_id = j.team_id AND u.owner_id = j.owner_id
    CROSS JOIN (SELECT coalesce(max(began), 0) AS began FROM images_imageturn WHERE owner_id IS NULL) v
    CROSS JOIN LATERAL (
        SELECT coalesce(max(began), 0) AS began FROM images_imageturn
        WHERE team_id = j.team_id AND owner_id IS NOT NULL
    ) p
    WHERE j.state = 'queued'
    ORDER BY at_team, t.updated_at NULLS FIRST, j.team_id, at_person, u.updated_at NULLS FIRST, j.owner_id,
        j.created_at, j.id
    LIMIT 1
    FOR UPDATE OF j SKIP LOCKED"""

_SERVED = """
    INSERT INTO images_imageturn (id, team_id, owner_id, began, ended, created_at, updated_at)
    SELECT gen_random_uuid(), %(team)s, who, place, place + %(seconds)s, clock_timestamp(), clock_timestamp()
    FROM (VALUES (NULL::uuid, %(at_team)s), (%(owner)s::uuid, %(at_person)s)) AS both_rows (who, place)
    ON CONFLICT (team_id, owner_id)
    DO UPDATE SET began = excluded.began, ended = excluded.ended, updated_at = excluded.updated_at"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A slice that begins: its job, where its team and person stand, and the seconds that it is expected to take."""

    job: ImageJob
    seconds: float


def take_next(owner: str) -> Turn | None:
    """Lease the job whose turn it is to the worker of the token `owner`; None where none waits."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_NEXT)
            found = cursor.fetchone()
        if found is None:
            return None
        job_id, at_team, at_person = found
        job = ImageJob.objects.select_related("team", "owner", "model").get(pk=job_id)
        turn = Turn(job, pace.of_slice(job))
        _lease(job, owner)
        values: dict[str, UUID | float] = {"team": job.team_id, "owner": job.owner_id, "seconds": turn.seconds}
        values |= {"at_team": float(at_team), "at_person": float(at_person)}
        with connection.cursor() as cursor:
            cursor.execute(_SERVED, values)
    return turn


def _lease(job: ImageJob, owner: str) -> None:
    ImageJob.objects.filter(pk=job.pk).update(
        state=State.RUNNING, lease_owner=owner, lease_until=Now() + lease(), updated_at=Now()
    )
    if job.started_at is None:
        ImageJob.objects.filter(pk=job.pk).update(started_at=Now())
    job.state, job.lease_owner = State.RUNNING, owner


def account(turn: Turn, seconds: float) -> None:
    """Count what a slice really took in place of what was expected."""
    mine = ImageTurn.objects.filter(Q(owner=None) | Q(owner=turn.job.owner_id), team=turn.job.team_id)
    mine.update(ended=F("ended") + seconds - turn.seconds)


def lease() -> timedelta:
    """Return how long a silent worker keeps a job."""
    return timedelta(seconds=settings.ENV.lease_s)


@contextmanager
def place_for(user: User, team: Team, limits: Limits) -> Iterator[None]:
    """Hold the team's door while a job is put into the queue, so that parallel orders never pass the limits.

    To be used within a transaction. Raises QueueFull.
    """
    ImageTurn.objects.get_or_create(team=team, owner=None)
    ImageTurn.objects.select_for_update(no_key=True).get(team=team, owner=None)
    live = ImageJob.objects.filter(team=team, state__in=ImageJob.LIVE)
    if live.count() >= limits.queue_of_team:
        raise QueueFull(limit=limits.queue_of_team)
    if live.filter(owner=user).count() >= limits.queue_of_person:
        raise QueueFull(limit=limits.queue_of_person)
    yield
