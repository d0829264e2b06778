"""How the installation is: services, processes, queues, leases, sizes, versions. Reads only, in few queries."""

import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

import django
from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from apps.console.models import Check, Sample
from apps.core import heartbeat
from apps.core.heartbeat import Sign

QUEUES = ("answer", "ingest", "preview", "embed", "image", "maintenance")
GROWTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Database:
    """PostgreSQL as it answers."""

    version: str
    pgvector: str
    size_bytes: int
    connections: int
    most_connections: int
    role: str
    is_mighty: bool  # superuser or past row security: the second wall does not bind it


@dataclass(frozen=True, slots=True)
class Broker:
    """Valkey as it answers; `is_there` is False where it does not."""

    is_there: bool
    version: str = ""
    memory_bytes: int = 0
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages that wait for a worker, and how many processes serve the queue."""

    name: str
    length: int
    workers: int


@dataclass(frozen=True, slots=True)
class Work:
    """Durable work in PostgreSQL of one kind: what waits, what is leased, how old the oldest waiting is."""

    title: str
    waiting: int
    running: int
    overdue: int  # running, but its lease ran out
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that the overview shows."""

    database: Database
    broker: Broker
    signs: Sequence[Sign]
    queues: Sequence[Queue]
    work: Sequence[Work]
    versions: Mapping[str, str]
    disk_free: int
    disk_total: int
    samples: Sequence[Sample]
    check: Check | None

    @property
    def disk_used(self) -> int:
        """Return the used bytes of the disk under the data."""
        return self.disk_total - self.disk_free


def standing() -> Standing:
    """Return how the installation is now; four queries and two talks with Valkey."""
    broker, lengths = _broker()
    signs = _signs()
    database = _database()
    usage = shutil.disk_usage(settings.VAR_DIR)
    since = timezone.now() - timedelta(days=GROWTH_DAYS)
    return Standing(
        database=database,
        broker=broker,
        signs=signs,
        queues=[Queue(name, lengths.get(name, 0), sum(name in sign.queues for sign in signs)) for name in QUEUES],
        work=_work(),
        versions=_versions(database),
        disk_free=usage.free,
        disk_total=usage.total,
        samples=list(Sample.objects.filter(at__gte=since)),
        check=Check.objects.first(),
    )


def _database() -> Database:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'),"
            " (SELECT extversion FROM pg_extension WHERE extname = 'vector'),"
            " pg_database_size(current_database()),"
            " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),"
            " current_setting('max_connections')::int, current_user,"
            " (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)"
        )
        return Database(*cursor.fetchone())


def _broker() -> tuple[Broker, dict[str, int]]:
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            info = client.info()
            lengths = {name: int(client.llen(name)) for name in QUEUES}  # the broker is the same Valkey
    except RedisError:
        return Broker(is_there=False), {}
    said = str(info.get("valkey_version") or info.get("redis_version") or "")
    memory, policy = int(info.get("used_memory", 0)), str(info.get("maxmemory_policy", ""))
    return Broker(is_there=True, version=said, memory_bytes=memory, policy=policy), lengths


def _signs() -> list[Sign]:
    try:
        return heartbeat.signs()
    except RedisError:
        return []


_WORK = """
SELECT 'documents', count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'),
    count(*) FILTER (WHERE state = 'running' AND lease_until < now()), min(created_at) FILTER (WHERE state = 'queued')
FROM ingestion_ingestionjob WHERE state IN ('queued', 'running')
UNION ALL
SELECT 'answers', count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state <> 'pending'),
    count(*) FILTER (WHERE state <> 'pending' AND lease_until < now()),
    min(created_at) FILTER (WHERE state = 'pending')
FROM chat_message WHERE state IN ('pending', 'running')
UNION ALL
SELECT 'models', count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'),
    count(*) FILTER (WHERE state = 'running' AND lease_until < now()), min(created_at) FILTER (WHERE state = 'queued')
FROM catalog_modeljob WHERE state IN ('queued', 'running')
"""


def _work() -> list[Work]:
    with connection.cursor() as cursor:
        cursor.execute(_WORK)
        return [Work(*row) for row in cursor.fetchall()]


def _versions(database: Database) -> dict[str, str]:
    return {
        "Zhiku": settings.VERSION,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "Celery": version("celery"),
        "PostgreSQL": database.version,
        "pgvector": database.pgvector,
    }
