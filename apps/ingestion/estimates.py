"""Place in the queue and time left, from the measured pace of each stage.

Teams share a stage equally, so until a team's own amount of work is done, every other team has been served as much as
it has, or that amount: whichever is less. That is the whole formula, for places as well as for seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.db import connection

from apps.core import tenancy
from apps.ingestion import pace
from apps.ingestion.models import IngestionJob
from apps.ingestion.pace import Paces

OWN_MAX = 5_000  # jobs of one team that are looked at one by one; those behind them get no estimate
Stage = IngestionJob.Stage
State = IngestionJob.State

_OTHERS = """
    SELECT j.team_id, j.stage, lower(coalesce(substring(d.name from '[^.]\\.([[:alnum:]]{1,10})$'), '')), count(*),
        sum(v.size_bytes), sum(CASE WHEN j.total > j.done THEN j.total - j.done ELSE 0 END)
    FROM ingestion_ingestionjob j
    JOIN libraries_document d ON d.id = j.document_id
    JOIN libraries_library l ON l.id = d.library_id
    JOIN libraries_documentversion v ON v.id = j.version_id
    WHERE j.state IN ('queued', 'running') AND j.team_id <> %s AND NOT l.is_paused
    GROUP BY 1, 2, 3"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to do: jobs that wait to be read, seconds of reading, embedding, indexing."""

    reads: float = 0
    read_s: float = 0.0
    embed_s: float = 0.0
    index_s: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        """Return both together."""
        return Work(
            self.reads + other.reads,
            self.read_s + other.read_s,
            self.embed_s + other.embed_s,
            self.index_s + other.index_s,
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """`place` counts from 1 among all that wait to be read, 0 for what is past that; `seconds` until ready."""

    place: int
    seconds: float


def shared(own: float, others: Iterable[float]) -> float:
    """Return how much is served until `own` is done, where everybody gets the same share."""
    return own + sum(min(own, other) for other in others)


def estimate(job: Work, ahead: Work, others: Iterable[Work], slots: int) -> Estimate:
    """Return the estimate of a job; `ahead` is what its own team put before it, `others` what each other team has."""
    known = list(others)
    own = ahead + job
    read_s = shared(own.read_s, (other.read_s for other in known)) / slots if job.read_s else 0.0
    embed_s = shared(own.embed_s, (other.embed_s for other in known))
    place = round(shared(own.reads, (other.reads for other in known))) if job.reads else 0
    # Its vectors come after its reading, and after the vectors of all that is before it.
    return Estimate(place, max(max(read_s, job.read_s) + job.embed_s, embed_s) + job.index_s)


def of_team(team_id: UUID, key: str = "pk") -> Mapping[UUID, Estimate]:
    """Return the estimates of a team's live jobs by their ids, or by `document_id`; paused libraries have none."""
    rows = IngestionJob.objects.filter(team=team_id, state__in=IngestionJob.LIVE, document__library__is_paused=False)
    columns = (key, "state", "stage", "done", "total", "document__name", "version__size_bytes")
    own = list(rows.order_by("created_at", "pk").values_list(*columns)[:OWN_MAX])
    if not own:
        return {}
    paces = pace.load()
    others, slots = _others(team_id, paces), settings.ENV.read_slots
    ahead, found = Work(), {}
    for pk, state, stage, done, total, name, size in own:
        work = _work(paces, team_id, stage, pace.suffix_of(name), (done, total), size)
        if state == State.RUNNING:
            work = replace(work, reads=0)
        found[pk] = estimate(work, ahead, others, slots)
        ahead = ahead + work
    return found


def _work(paces: Paces, team_id: UUID, stage: str, suffix: str, progress: tuple[int, int], size: int) -> Work:
    """Return what is left of a job at a stage."""
    done, total = progress
    left = (total - done) / total if total else 1.0
    if stage == Stage.READ:
        chunks = paces.cost("size", team_id, suffix, size)
        read_s = paces.cost("read", team_id, suffix, size) * left
        return Work(1, read_s, paces.cost("embed", team_id, "", chunks), paces.cost("index", team_id, "", chunks))
    index_s = paces.cost("index", team_id, "", total)
    if stage == Stage.EMBED:
        return Work(0, 0.0, paces.cost("embed", team_id, "", total * left), index_s)
    return Work(0, 0.0, 0.0, index_s)


def _others(team_id: UUID, paces: Paces) -> list[Work]:
    """Return what every other team has under way or waiting."""
    works: dict[UUID, Work] = {}
    with tenancy.everything("a place in the queue depends on all teams"), connection.cursor() as cursor:
        cursor.execute(_OTHERS, [team_id])
        for team, stage, suffix, count, size, left in cursor.fetchall():
            work = _work(paces, team, stage, suffix, (0, int(left)), int(size))
            works[team] = works.get(team, Work()) + replace(work, reads=count if stage == Stage.READ else 0)
    return list(works.values())
