"""How long the pages about many people take, and how many queries: the bar is 200 ms at 10,000 people, 1,000 teams and
a million lines of usage. They are asked in this process, by Django's test client, behind row-level security.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from apps.core import tenancy
from apps.evaluation.bench.crowd import Crowd, build
from apps.evaluation.bench.database import empty_database
from apps.users.models import User

RUNS = 7
BAR_MS = 200
OK = 200  # of HTTP
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@dataclass(frozen=True, slots=True)
class Timed:
    """One page: the median of its milliseconds; what this process and PostgreSQL computed in them, which says more on
    a busy machine; the queries, and their time in one run.
    """  # fmt: skip

    name: str
    status: int
    ms: float
    cpu_ms: float
    queries: int
    sql_ms: float

    def line(self) -> str:
        """Return the row of the table."""
        return (
            f"{self.ms:8.1f} ms {self.cpu_ms:8.1f} ms of CPU {self.queries:4d} queries {self.sql_ms:8.1f} ms of SQL"
            f"  {self.name}\n"
        )


def console_speed() -> dict[str, Any]:
    """Return `console_ms` (page -> median of 7), `console_cpu_ms`, `console_queries`, `console_slowest_ms`.

    Pages that are not there are named in `console_missing`. A table of all goes to stderr. KB_BENCH_SQL in the
    environment names one page whose statements are printed there too.
    """
    with empty_database():
        began = time.perf_counter()
        crowd = build()
        built = time.perf_counter() - began
        rows = [*_timed(crowd.root, _of_installation(crowd)), *_timed(crowd.admin, _of_team(crowd))]
    good = [row for row in rows if row.status == OK]
    sys.stderr.write("".join(row.line() for row in sorted(good, key=lambda one: -one.ms)))
    return {
        "console_ms": {row.name: row.ms for row in good},
        "console_cpu_ms": {row.name: row.cpu_ms for row in good},
        "console_queries": {row.name: row.queries for row in good},
        "console_slowest_ms": max(row.ms for row in good),
        "console_missing": {row.name: row.status for row in rows if row.status != OK},
        "console_over_the_bar": sorted(row.name for row in good if row.ms > BAR_MS),
        "console_built_s": round(built, 1),
    }


def _of_installation(crowd: Crowd) -> list[str]:
    person = crowd.admin.pk
    log = ["", "?who=person0", "?who=person00001", "?family=people", "?family=rights", "?action=grant.given",
           "?action=none.such", f"?team={crowd.team.pk}", f"?target={person}", "?since=2001-01-01",
           "?until=2001-01-01", "?family=limits&who=person00001", f"?team={crowd.team.pk}&family=keys",
           "?before=1000"]  # fmt: skip
    return [
        "/system/",
        *(f"/system/people/{query}" for query in ("", "?q=firm7", "?q=nobody", "?state=suspended", "?state=admins",
                                                  "?after=person09000@firm0.example")),
        f"/system/people/{person}/",
        *(f"/system/teams/{query}" for query in ("", "?q=099", "?q=nothing", "?state=suspended")),
        *(f"/system/jobs/{query}" for query in ("", "?state=failed", "?state=queued", f"?team={crowd.team.pk}")),
        *(f"/system/audit/{query}" for query in log),
        "/system/models/",
        "/system/quotas/",
        *(f"/system/usage/{query}" for query in ("", "?period=24h", "?period=7", "?period=30", "?period=90",
                                                 "?period=all")),
        "/system/prices/",
        "/system/openings/",
    ]  # fmt: skip


def _of_team(crowd: Crowd) -> list[str]:
    team = f"/teams/{crowd.team.pk}"
    return [
        "/teams/",
        *(f"{team}/{query}" for query in ("", "?q=person01", "?role=viewer", "?state=suspended", "?page=30")),
        f"{team}/groups/",
        f"{team}/invitations/",
        f"{team}/keys/",
        f"{team}/models/",
        f"{team}/limits/",
        *(f"{team}/usage/{query}" for query in ("", "?period=7", "?period=30", "?period=90", "?period=all")),
        f"{team}/settings/",
        *(f"{team}/audit/{query}" for query in ("", "?who=person0", "?who=person00001", "?family=people",
                                                "?family=rights", "?action=none.such", "?since=2001-01-01",
                                                "?until=2001-01-01", "?before=1000")),
        "/accounts/usage/",
        "/accounts/keys/",
        "/libraries/",
        "/",
    ]  # fmt: skip


def _timed(user: User, addresses: list[str]) -> Iterator[Timed]:
    client = Client(SERVER_NAME="localhost")
    client.force_login(user, backend=BACKEND)
    with _as_the_web_process():
        for address in addresses:
            yield _page(client, address)


def _page(client: Client, address: str) -> Timed:
    client.get(address)  # templates, the first plan
    with CaptureQueriesContext(connection) as captured:
        status = client.get(address).status_code
    queries = list(captured.captured_queries)  # the next request forgets them
    times, worked = [], time.thread_time() + _server_cpu_s()
    for _ in range(RUNS):
        began = time.perf_counter()
        client.get(address)
        times.append(time.perf_counter() - began)
    cpu = (time.thread_time() + _server_cpu_s() - worked) / RUNS
    if os.environ.get("KB_BENCH_SQL") == address:
        sys.stderr.write("".join(f"{query['time']} {query['sql']}\n" for query in queries))
    sql = sum(float(query["time"]) for query in queries)
    return Timed(_name(address), status, _ms(median(times)), _ms(cpu), len(queries), _ms(sql))


def _server_cpu_s() -> float:
    """Return what PostgreSQL's process for this connection has computed so far; 0 where it is on another machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    if not connection.settings_dict["HOST"].startswith("/") or not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ms(seconds: float) -> float:
    return round(seconds * 1_000, 1)


def _name(address: str) -> str:
    parts = ["<id>" if len(part) == 36 else part for part in address.split("?", maxsplit=1)[0].split("/")]  # noqa: PLR2004 -- UUID
    return "/".join(parts) + ("?" + address.split("?")[1] if "?" in address else "")


@contextmanager
def _as_the_web_process() -> Iterator[None]:
    """See what a request sees: nothing but what its middleware opens."""
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with tenancy.acting_for(), override_settings(STORAGES=plain):
        yield
