"""Sums the ledger up by day, and drops the counters of what has no limit."""

from typing import Any

from django.conf import settings
from django.db import migrations

DAYS = """
INSERT INTO metering_usageday (day, team_key, user_key, api_key, model, resource, amount)
SELECT (at AT TIME ZONE 'UTC')::date, team_key, user_key, api_key, model, resource, sum(amount)
FROM metering_usageevent GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT (day, team_key, user_key, api_key, model, resource) DO UPDATE SET amount = EXCLUDED.amount
"""
UNLIMITED = """
DELETE FROM metering_counter c WHERE concat_ws(' ', c.scope, c.resource, c."window") <> ALL(%s)
AND NOT EXISTS (SELECT FROM metering_quota q WHERE (q.scope, q.resource, q."window") = (c.scope, c.resource, c."window"))
"""


def _of_settings() -> list[tuple[str, str, str]]:
    env = settings.ENV
    limits = [
        ("user", "questions", "day", env.questions_per_day),
        ("user", "output_tokens", "day", env.output_tokens_per_day),
        ("team", "pages", "day", env.pages_per_day),
        ("team", "storage_bytes", "total", env.team_storage_mib),
    ]
    return [(scope, resource, window) for scope, resource, window, limit in limits if limit]


def forward(apps: Any, schema_editor: Any) -> None:
    kept = [f"{scope} {resource} {window}" for scope, resource, window in _of_settings()]
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(DAYS)
        cursor.execute(UNLIMITED, [kept])


class Migration(migrations.Migration):
    dependencies = [("metering", "0003_limits_by_member")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
