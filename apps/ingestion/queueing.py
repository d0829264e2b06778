"""Whose turn it is: at each stage teams are served in turn, so that a thousand files of one do not delay another's one.

The order is by what a team has under way at the stage plus a job's place among its own, then by who was served longest
ago. Long reads leave one slot free, because a slot cannot be taken back from a parser that works for minutes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from apps.ingestion import pace
from apps.ingestion.models import IngestionJob
from apps.ingestion.pace import Paces

LONG_S = 15.0  # a read that is expected to take longer is a long one
LOOK_AHEAD = 20  # jobs of each team that are looked at for one that fits the free slot

_NEXT = """
    WITH teams AS (
        SELECT team_id, count(*) FILTER (WHERE state = 'running') AS running
        FROM ingestion_ingestionjob
        WHERE stage = %(stage)s AND state IN ('queued', 'running')
        GROUP BY team_id
    )
    SELECT q.id, q.attempts, t.team_id, q.name, q.size_bytes
    FROM teams t
    LEFT JOIN ingestion_turn s ON s.team_id = t.team_id AND s.stage = %(stage)s
    CROSS JOIN LATERAL (
        SELECT j.id, j.attempts, j.created_at, d.name, v.size_bytes,
            row_number() OVER (ORDER BY j.created_at, j.id) AS place
        FROM ingestion_ingestionjob j
        JOIN libraries_document d ON d.id = j.document_id
        JOIN libraries_library l ON l.id = d.library_id
        JOIN libraries_documentversion v ON v.id = j.version_id
        WHERE j.stage = %(stage)s AND j.state = 'queued' AND j.team_id = t.team_id
            AND (j.due_at IS NULL OR j.due_at <= now()) AND NOT l.is_paused
            AND (%(only)s::uuid[] IS NULL OR j.id = ANY(%(only)s::uuid[]))
        ORDER BY j.created_at, j.id
        LIMIT least(%(per_team)s, %(limit)s)
    ) q
    WHERE t.running + q.place <= %(per_team)s
    ORDER BY t.running + q.place, s.served_at NULLS FIRST, q.created_at, q.id
    LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job that may be claimed next."""

    job_id: UUID
    attempts: int
    team_id: UUID
    name: str
    size_bytes: int


def next_jobs(
    stage: str, limit: int, *, per_team: int = 1_000, only: Collection[UUID] | None = None
) -> list[Candidate]:
    """Return at most `limit` due jobs of a stage, the next one first; `only` limits them to these.

    `per_team` is how many of one team may be under way at once. Jobs of paused libraries wait.
    """
    wanted = None if only is None else list(only)
    values: dict[str, Any] = {"stage": stage, "limit": limit, "per_team": per_team, "only": wanted}
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, values)
        return [Candidate(*row) for row in cursor.fetchall()]


def next_read() -> Candidate | None:
    """Return the next job to read: a long one only while another slot stays free for short ones."""
    found = next_jobs(IngestionJob.Stage.READ, 1)
    if not found:
        return None
    paces = pace.load()
    if not is_long(paces, found[0]) or _long_running(paces) < settings.ENV.read_slots - 1:
        return found[0]
    others = next_jobs(IngestionJob.Stage.READ, LOOK_AHEAD * 5)
    return next((candidate for candidate in others if not is_long(paces, candidate)), None)


def is_long(paces: Paces, candidate: Candidate) -> bool:
    """Return whether reading a file is expected to hold its slot for long."""
    seconds = paces.cost("read", candidate.team_id, pace.suffix_of(candidate.name), candidate.size_bytes)
    return seconds > LONG_S


def _long_running(paces: Paces) -> int:
    """Return how many long reads hold a slot now."""
    running = IngestionJob.objects.filter(state=IngestionJob.State.RUNNING, stage=IngestionJob.Stage.READ)
    rows = running.values_list("pk", "attempts", "team_id", "document__name", "version__size_bytes")
    return sum(is_long(paces, Candidate(*row)) for row in rows)
