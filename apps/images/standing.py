"""Where jobs stand in the queue: how many come before, and when they will be done.

The queue is played through as the workers will: the same rule as `queueing`, with the measured pace of each model in
place of the work. One play serves everybody for a second, since every open page asks once a second.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.core.cache import cache

from apps.core import tenancy
from apps.images import pace
from apps.images.models import ImageJob, ImageTurn

State = ImageJob.State
LIVE = (State.QUEUED, State.RUNNING)
KEEP_S = 1
MOST_SLICES = 20_000  # of one play; what comes later is told without a time
_KEY = "image-standing"


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


@dataclass(slots=True)
class _Lane:
    """The virtual times of a team, or of one person within it."""

    ended: float
    people: dict[UUID, float] = field(default_factory=dict)
    began: float = 0.0  # the newest slice of its people
    jobs: dict[UUID, list[Waiting]] = field(default_factory=lambda: defaultdict(list))


def standing(jobs: Iterable[ImageJob]) -> dict[UUID, Standing]:
    """Return where these jobs stand, by their ids; those that have ended are left out. At most three queries."""
    live = [job.pk for job in jobs if job.state in LIVE]
    if not live:
        return {}
    known: dict[UUID, Standing] | None = cache.get(_KEY)
    if known is None or any(job_id not in known for job_id in live):
        known = play(*_loaded())
        cache.set(_KEY, known, KEEP_S)
    return {job_id: known[job_id] for job_id in live if job_id in known}


def _loaded() -> tuple[list[Waiting], dict[tuple[UUID, UUID | None], tuple[float, float]]]:
    with tenancy.everything("a place in the queue depends on all teams"):
        rows = ImageJob.objects.filter(state__in=LIVE).order_by("created_at", "pk")
        jobs = [_waiting(job) for job in rows.only(*_COLUMNS)]
        teams = {job.team_id for job in jobs}
        turns = ImageTurn.objects.filter(team__in=teams).values_list("team", "owner", "began", "ended")
        return jobs, {(team, owner): (began, ended) for team, owner, began, ended in turns}


_COLUMNS = ("id", "team_id", "owner_id", "state", "kind", "model_id", "total", "done", "pixel_steps", "seconds")


def _waiting(job: ImageJob) -> Waiting:
    slices, slice_s = max(job.total - job.done, 1), None
    if job.kind == ImageJob.Kind.TRAIN:
        share = job.seconds / job.done if job.done else 0.0  # seconds of one training step so far
        slices = max(1, round(slices * share / pace.TRAINING_SLICE_S)) if share else 1
        slice_s = pace.TRAINING_SLICE_S if share else None
    else:
        slice_s = pace.seconds_of(job.model_id, job.pixel_steps / max(job.total, 1))
    return Waiting(job.pk, job.team_id, job.owner_id, slices, slice_s, job.state == State.RUNNING)


def play(jobs: Collection[Waiting], turns: dict[tuple[UUID, UUID | None], tuple[float, float]]) -> dict[UUID, Standing]:
    """Return where each job stands when one worker takes them by turns; what runs now is finished first."""
    lanes = _lanes(jobs, turns)
    newest = max((began for (_team, owner), (began, _ended) in turns.items() if owner is None), default=0.0)
    clock, position = 0.0, 0
    begun: dict[UUID, int] = {}
    ends: dict[UUID, Standing] = {}
    for running in [job for job in jobs if job.is_running]:
        begun[running.job_id] = 0
        clock += _seconds(running)
        _sliced(running, clock, begun, ends)
    queue = [(max(lane.ended, newest), team) for team, lane in lanes.items() if lane.jobs]
    heapq.heapify(queue)
    for _slice in range(MOST_SLICES):
        if not queue:
            break
        at_team, team = heapq.heappop(queue)
        lane, newest = lanes[team], max(newest, at_team)
        job = _next_of(lane)
        if job is None:
            continue
        position += job.job_id not in begun
        begun.setdefault(job.job_id, position)
        clock += _seconds(job)
        _sliced(job, clock, begun, ends)
        heapq.heappush(queue, (at_team + (job.slice_s or pace.UNKNOWN_S), team))
    return {job.job_id: ends.get(job.job_id, Standing(begun.get(job.job_id, len(jobs)), None)) for job in jobs}


def _lanes(jobs: Collection[Waiting], turns: dict[tuple[UUID, UUID | None], tuple[float, float]]) -> dict[UUID, _Lane]:
    lanes: dict[UUID, _Lane] = {}
    for job in jobs:
        lane = lanes.setdefault(job.team_id, _Lane(turns.get((job.team_id, None), (0.0, 0.0))[1]))
        began, ended = turns.get((job.team_id, job.owner_id), (0.0, 0.0))
        lane.people.setdefault(job.owner_id, ended)
        lane.began = max(lane.began, began)
        lane.jobs[job.owner_id].append(job)
    return lanes


def _next_of(lane: _Lane) -> Waiting | None:
    """Return the job of a team whose turn it is, and count its slice to its person; None where all are done."""
    for owner in [owner for owner, jobs in lane.jobs.items() if not any(job.slices for job in jobs)]:
        del lane.jobs[owner]
    if not lane.jobs:
        return None
    owner = min(lane.jobs, key=lambda each: max(lane.people[each], lane.began))
    job = next(job for job in lane.jobs[owner] if job.slices)
    lane.began = max(lane.people[owner], lane.began)
    lane.people[owner] = lane.began + (job.slice_s or pace.UNKNOWN_S)
    return job


def _seconds(job: Waiting) -> float:
    """Return the seconds of a slice; NaN where nobody knows, which no sum gets rid of again."""
    return math.nan if job.slice_s is None else job.slice_s


def _sliced(job: Waiting, clock: float, begun: dict[UUID, int], ends: dict[UUID, Standing]) -> None:
    job.slices -= 1
    if not job.slices:
        ends[job.job_id] = Standing(begun[job.job_id], None if math.isnan(clock) else round(clock, 1))
