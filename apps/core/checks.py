"""What `manage.py check --database default`, and each migration, says about the database's role."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connections

_ASK = """
SELECT rolsuper OR rolbypassrls,
    (SELECT proleakproof FROM pg_proc WHERE oid = 'ts_match_vq(tsvector,tsquery)'::regprocedure)
FROM pg_roles WHERE rolname = current_user
"""
MIGHTY = checks.Warning(
    "Row-level security does not bind the role that the product works as: it is a superuser or has BYPASSRLS.",
    hint="Give KB_DATABASE_URL a role of its own, or name one by KB_DATABASE_ROLE (docs/operations.md).",
    id="core.W001",
)
LEAKY = checks.Warning(
    "Search by words cannot use its index behind row-level security: ts_match_vq is not marked leakproof.",
    hint="As a superuser: ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF (docs/operations.md).",
    id="core.W002",
)


@register(Tags.database)
def check_role(databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """Return what keeps the second wall from standing, or from being fast."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute(_ASK)
            is_mighty, is_leakproof = cursor.fetchone()
        found += [MIGHTY] * bool(is_mighty) + [LEAKY] * (not is_leakproof)
    return found
