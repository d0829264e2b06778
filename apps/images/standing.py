"""Where jobs stand in the queue: how many come before, and when they will be done.

The queue is played through as the workers will: the same rule as `queueing`, with the measured pace of each model in
place of the work. One play serves everybody for a second, since every open page asks once a second.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.core.cache import cache

from apps.core import tenancy
from apps.images import pace
from apps.images.models import ImageJob, ImageTurn

State = ImageJob.State
KEEP_S = 1
MOST_SLICES = 20_000  # of one play; what comes later is told without a time
_KEY = "image-standing"
_LATER = 1e12  # behind every time of the clock, in seconds: what is served within the play


@dataclass(frozen=True, slots=True)
class Standing:
    """A live job. `position` 0: it is being drawn; else its place among those that wait. `seconds` until it is done.

    `seconds` is None where nothing is known of the pace of a model that it waits for.
    """

    position: int
    seconds: float | None


@dataclass(slots=True)
class Waiting:
    """A live job in the play: its slices that are left, and the seconds of each (None: not known)."""

    job_id: UUID
    team_id: UUID
    owner_id: UUID
    slices: int
    slice_s: float | None
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """A row of ImageTurn: the virtual times of what a team or a person got last, and when that was."""

    began: float = 0.0
    ended: float = 0.0
    at: float = 0.0


Turns = Mapping[tuple[UUID, UUID | None], Served]
_NEVER = Served()


@dataclass(slots=True)
class _Lane:
    """A team in the play, with the turns of its people and their jobs."""

    served: Served
    people: dict[UUID, Served] = field(default_factory=dict)
    began: float = 0.0  # the newest slice of its people
    jobs: dict[UUID, list[Waiting]] = field(default_factory=lambda: defaultdict(list))


def standing(jobs: Iterable[ImageJob]) -> dict[UUID, Standing]:
    """Return where these jobs stand, by their ids; those that have ended are left out. At most three queries."""
    live = [job.pk for job in jobs if job.state in ImageJob.LIVE]
    if not live:
        return {}
    known: dict[UUID, Standing] | None = cache.get(_KEY)
    if known is None or any(job_id not in known for job_id in live):
        known = play(*_loaded())
        cache.set(_KEY, known, KEEP_S)
    return {job_id: known[job_id] for job_id in live if job_id in known}


def _loaded() -> tuple[list[Waiting], Turns]:
    rates = pace.paces()
    with tenancy.everything("a place in the queue depends on all teams"):
        rows = ImageJob.objects.filter(state__in=ImageJob.LIVE).order_by("created_at", "pk")
        jobs = [_waiting(job, rates) for job in rows.only(*_COLUMNS)]
        teams = {job.team_id for job in jobs}
        turns = ImageTurn.objects.filter(team__in=teams).values_list("team", "owner", "began", "ended", "updated_at")
        return jobs, {(team, owner): Served(began, ended, at.timestamp()) for team, owner, began, ended, at in turns}


_COLUMNS = ("id", "team_id", "owner_id", "state", "kind", "model_id", "total", "done", "pixel_steps", "seconds")


def _waiting(job: ImageJob, rates: Mapping[UUID, float]) -> Waiting:
    slices, slice_s = max(job.total - job.done, 1), None
    if job.kind == ImageJob.Kind.TRAIN:
        share = job.seconds / job.done if job.done else 0.0  # seconds of one training step so far
        slices = max(1, round(slices * share / pace.TRAINING_SLICE_S)) if share else 1
        slice_s = pace.TRAINING_SLICE_S if share else None
    else:
        rate = rates.get(job.model_id) if job.model_id else None
        slice_s = job.pixel_steps / max(job.total, 1) / rate if rate else None
    return Waiting(job.pk, job.team_id, job.owner_id, slices, slice_s, job.state == State.RUNNING)


def play(jobs: Collection[Waiting], turns: Turns) -> dict[UUID, Standing]:
    """Return where each job stands when one worker takes them by turns; what runs now is finished first."""
    lanes = _lanes(jobs, turns)
    newest = max((turn.began for (_team, owner), turn in turns.items() if owner is None), default=0.0)
    clock, position = 0.0, 0
    begun: dict[UUID, int] = {}
    ends: dict[UUID, Standing] = {}
    for running in [job for job in jobs if job.is_running]:
        begun[running.job_id] = 0
        clock += _seconds(running)
        _sliced(running, clock, begun, ends)
    queue = [(max(lane.served.ended, newest), lane.served.at, str(team), team) for team, lane in lanes.items()]
    heapq.heapify(queue)
    for number in range(MOST_SLICES):
        if not queue:
            break
        at_team, _at, name, team = heapq.heappop(queue)
        job = _next_of(lanes[team], _LATER + number)
        if job is None:
            continue
        position += job.job_id not in begun
        begun.setdefault(job.job_id, position)
        clock += _seconds(job)
        _sliced(job, clock, begun, ends)
        newest = max(newest, at_team)
        heapq.heappush(queue, (at_team + _expected(job), _LATER + number, name, team))
    return {job.job_id: ends.get(job.job_id, Standing(begun.get(job.job_id, len(jobs)), None)) for job in jobs}


def _lanes(jobs: Collection[Waiting], turns: Turns) -> dict[UUID, _Lane]:
    lanes: dict[UUID, _Lane] = {}
    for job in jobs:
        lane = lanes.setdefault(job.team_id, _Lane(turns.get((job.team_id, None), _NEVER)))
        lane.people.setdefault(job.owner_id, turns.get((job.team_id, job.owner_id), _NEVER))
        lane.jobs[job.owner_id].append(job)
    for (team, owner), turn in turns.items():
        if owner is not None and team in lanes:
            lanes[team].began = max(lanes[team].began, turn.began)
    return lanes


def _next_of(lane: _Lane, at: float) -> Waiting | None:
    """Return the job of a team whose turn it is, and count its slice to its person; None where all are done."""
    for owner in [owner for owner, jobs in lane.jobs.items() if not any(job.slices for job in jobs)]:
        del lane.jobs[owner]
    if not lane.jobs:
        return None
    owner = min(lane.jobs, key=lambda each: (max(lane.people[each].ended, lane.began), lane.people[each].at, str(each)))
    job = next(job for job in lane.jobs[owner] if job.slices)
    began = max(lane.people[owner].ended, lane.began)
    lane.began = began
    lane.people[owner] = Served(began, began + _expected(job), at)
    return job


def _expected(job: Waiting) -> float:
    return pace.UNKNOWN_S if job.slice_s is None else job.slice_s


def _seconds(job: Waiting) -> float:
    """Return the seconds of a slice; NaN where nobody knows, which no sum gets rid of again."""
    return math.nan if job.slice_s is None else job.slice_s


def _sliced(job: Waiting, clock: float, begun: dict[UUID, int], ends: dict[UUID, Standing]) -> None:
    job.slices -= 1
    if not job.slices:
        ends[job.job_id] = Standing(begun[job.job_id], None if math.isnan(clock) else round(clock, 1))
