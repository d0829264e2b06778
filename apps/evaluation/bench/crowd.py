"""A large installation in a benchmark's own database: people, teams, documents, jobs, usage, limits and a log.

Small tables are written by the models, the ledger by statements over `generate_series`, the log by COPY. The
ledger, its sums by day and the counters agree with one another, and the log's chain holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from apps.audit.models import AuditEvent
from apps.audit.services import GENESIS, digest
from apps.core.models import Record
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Document, DocumentVersion, Library
from apps.metering import counting, sums
from apps.metering.models import Price, Quota, Resource, Scope, Window
from apps.users.models import Group, GroupMember, Invitation, Membership, Role, Team, User

Row = TypeVar("Row", bound=Record | User)
PEOPLE, TEAMS, BIG_TEAM, MEMBERSHIPS = 10_000, 1_000, 2_000, 15_000
GROUPS = 50  # of the big team
DOCUMENTS = 20_000
QUESTIONS = 250_000  # each makes four lines of the ledger
DAYS = 90
LIMITED_TEAMS = 250  # with four limits each
EVENTS = 300_000
BATCH = 2_000
MODELS = ("qwen3-4b", "qwen3-0.6b", "glm-4-9b")
LIMITS = (
    (Resource.QUESTIONS, Window.DAY),
    (Resource.OUTPUT_TOKENS, Window.MONTH),
    (Resource.MONEY, Window.MONTH),
    (Resource.PROMPT_TOKENS, Window.MONTH),
)
ACTIONS = (
    "user.signed-in", "user.signed-out", "document.deleted", "library.renamed", "member.added", "grant.given",
    "key.used", "model.changed", "quota.changed", "conversation.deleted", "audit.exported",
)  # fmt: skip

_LEDGER = """
WITH member AS MATERIALIZED (
    SELECT team_id, user_id, row_number() OVER (ORDER BY id) - 1 AS n FROM users_membership
),
asked AS (  -- five questions of one person on one day
    SELECT q, mod(q / 5 * 7919, %(members)s) AS who, mod(q / 5 * 104729, %(days)s) AS days_ago,
        (%(models)s::text[])[1 + mod(q * 31, 7)::int / 3] AS model
    FROM generate_series(0::bigint, %(questions)s - 1) q
)
INSERT INTO metering_usageevent (at, user_key, team_key, resource, amount, group_keys, model)
SELECT now() - make_interval(days => days_ago::int, secs => mod(q * 37, 40000)), user_id, team_id, resource, amount,
    '{}', model
FROM asked JOIN member ON n = who CROSS JOIN LATERAL (VALUES
    ('questions', 1), ('prompt_tokens', 900 + mod(q * 13, 900)), ('output_tokens', 40 + mod(q * 17, 400)),
    ('money', 30 + mod(q * 17, 400))) AS line(resource, amount)
ORDER BY days_ago DESC
"""
_SUMS = """
INSERT INTO metering_usageday (day, team_key, user_key, api_key, model, resource, amount)
SELECT (at AT TIME ZONE 'UTC')::date, team_key, user_key, api_key, model, resource, sum(amount)
FROM metering_usageevent GROUP BY 1, 2, 3, 4, 5, 6
"""
_COLUMNS = (
    "sequence", "at", "action", "actor_id", "actor_email", "team_id", "target_type", "target_id", "detail",
    "request_id", "previous_hash", "hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who asks for the pages, and the largest team, which the administrator of the installation is no member of."""

    root: User
    admin: User  # of the team, and of four more
    team: Team


def build() -> Crowd:
    """Fill the empty database; one to two minutes on two cores."""
    people = _people()
    teams = _teams(people)
    _documents(teams, people)
    _usage(teams)
    log(EVENTS, people, teams)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return Crowd(people[0], people[1], teams[0])


def _people() -> list[User]:
    now = timezone.now()
    root = User(email="root@zhiku.example", name="Root", is_staff=True, is_superuser=True, last_active_at=now)
    others = [
        User(
            email=f"person{n:05}@firm{n % 40}.example",
            name=f"{('Ann', 'Bo', 'Chen', 'Dora')[n % 4]} Person {n}",
            is_active=n % 50 != 7,  # noqa: PLR2004 -- two of a hundred are suspended
            last_active_at=now - timedelta(hours=n % 2_000),
        )
        for n in range(1, PEOPLE)
    ]
    return _written([root, *others])


def _teams(people: Sequence[User]) -> list[Team]:
    teams = _written([Team(name=f"Team {n:04}") for n in range(TEAMS)])
    pairs = {(teams[0].pk, person.pk): Role.VIEWER for person in people[1 : BIG_TEAM + 1]}
    pairs |= {(teams[n % TEAMS].pk, person.pk): Role.EDITOR for n, person in enumerate(people) if n >= TEAMS}
    pairs |= {(teams[n].pk, people[1].pk): Role.ADMIN for n in range(5)}
    spare = ((n, n * 17 % TEAMS) for n in range(1, PEOPLE))
    while len(pairs) < MEMBERSHIPS:
        person, team = next(spare)
        pairs.setdefault((teams[team].pk, people[person].pk), Role.VIEWER)
    members = _written([Membership(team_id=team, user_id=user, role=role) for (team, user), role in pairs.items()])
    groups = _written([Group(team=teams[0], name=f"Group {n:02}") for n in range(GROUPS)])
    _written([GroupMember(group=groups[n % GROUPS], membership=one) for n, one in enumerate(members[:BIG_TEAM])])
    _written([Invitation(team=teams[0], email=f"new{n}@firm.example", token_hash=f"{n:064}", created_by=people[1],
                         expires_at=timezone.now() + timedelta(days=n % 9 - 4)) for n in range(BATCH)])  # fmt: skip
    return teams


def _documents(teams: Sequence[Team], people: Sequence[User]) -> None:
    libraries = _written([
        Library(team=team, name=f"Library {n}") for team in teams for n in (1, 2)
    ])  # fmt: skip
    documents = _written([
        Document(library=libraries[n * n % len(libraries)] if n % 4 else libraries[0], name=f"Report {n}.pdf",
                 sha256=f"{n:064x}", size_bytes=90_000 + n, media_type="application/pdf", status="ready",
                 uploaded_by=people[1 + n % BIG_TEAM])
        for n in range(DOCUMENTS)
    ])  # fmt: skip
    versions = _written([
        DocumentVersion(document=one, sha256=one.sha256, size_bytes=one.size_bytes, media_type=one.media_type, pages=9)
        for one in documents
    ])  # fmt: skip
    states = ("queued", "failed", "cancelled", "running")
    _written([
        IngestionJob(team_id=one.document.library.team_id, document=one.document, version=one,
                     state=states[n % 4] if n % 100 < 8 else "done", done=9, total=9)  # noqa: PLR2004
        for n, one in enumerate(versions)
    ])  # fmt: skip
    with connection.cursor() as cursor:  # written at once, they would all have the same age
        cursor.execute("UPDATE ingestion_ingestionjob SET created_at = now() - random() * interval '90 days'")


def _usage(teams: Sequence[Team]) -> None:
    today = timezone.now().date()
    _written([
        Quota(scope=Scope.TEAM, team=team, resource=resource, window=window, limit=10**9)
        for team in teams[:LIMITED_TEAMS] for resource, window in LIMITS
    ])  # fmt: skip
    _written([
        Price(model=model, resource=resource, micros_per_million=600_000, starts_on=today - timedelta(days=days))
        for model in MODELS for resource in (Resource.PROMPT_TOKENS, Resource.OUTPUT_TOKENS) for days in (90, 30)
    ])  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LEDGER, {"members": MEMBERSHIPS, "days": DAYS, "questions": QUESTIONS, "models": list(MODELS)})
        cursor.execute(_SUMS)
        sums.sum_up()  # as it is done every night
        for resource, window in LIMITS:
            values = {"scope": "team", "resource": resource, "window": window, "subject": None, "team": None}
            cursor.execute(counting.recount("team", window), values | {"user": None})


def log(count: int, people: Sequence[User], teams: Sequence[Team]) -> None:
    """Write that many events of the log, chained as `record` chains them."""
    columns = ", ".join(_COLUMNS)
    with connection.cursor() as cursor, cursor.copy(f"COPY audit_auditevent ({columns}) FROM STDIN") as copy:
        copy.set_types([
            "int8", "timestamptz", "text", "uuid", "text", "uuid", "text", "text", "jsonb", "text", "text", "text"
        ])  # fmt: skip
        for row in _events(count, people, teams):
            copy.write_row(row)


def _events(count: int, people: Sequence[User], teams: Sequence[Team]) -> Iterator[list[Any]]:
    previous, now = GENESIS, timezone.now()
    step = timedelta(days=DAYS) / count
    for n in range(count):
        person = people[n * 7919 % len(people)]
        of_team: UUID | None = teams[n * 31 % len(teams) if n % 5 else 0].pk if n % 11 > 1 else None
        event = AuditEvent(
            sequence=n + 1, at=now - step * (count - n), action=ACTIONS[n % 11], actor_id=person.pk,
            actor_email=person.email, team_id=of_team, target_type="users.user", target_id=str(person.pk),
            detail={"name": f"Report {n}.pdf", "count": n % 7}, request_id=f"{n:016x}", previous_hash=previous,
        )  # fmt: skip
        event.hash = previous = digest(event)
        row = [getattr(event, column) for column in _COLUMNS]
        row[_COLUMNS.index("detail")] = Jsonb(event.detail)
        yield row


def _written(rows: list[Row]) -> list[Row]:
    model: Any = type(rows[0])
    made: list[Row] = model.objects.bulk_create(rows, batch_size=BATCH)
    return made
