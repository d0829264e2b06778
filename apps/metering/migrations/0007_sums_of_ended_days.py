"""Sums of the days that are over, and a view that joins them with the days that are not summed up yet.

Nothing is filled here: `metering.sums` does it day by day once the installation runs, and the view is right from the
first moment. Its function tells the planner which days are left; it is not PARALLEL SAFE, since starting helpers takes
longer than the sums.
"""

from django.db import migrations, models

_VIEW = """
CREATE FUNCTION metering_summed_until() RETURNS date LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(day), '-infinity') FROM public.metering_usagesum
    WHERE scope = 'system' AND subject = '00000000-0000-0000-0000-000000000000' $$;
CREATE VIEW metering_usageshown AS
SELECT id, scope, subject, model, resource, day, amount FROM metering_usagesum
UNION ALL
SELECT id, 'system'::varchar(10), '00000000-0000-0000-0000-000000000000', model, resource, day, amount
FROM metering_usageday WHERE day > metering_summed_until()
UNION ALL
SELECT id, 'team'::varchar(10), team_key, ''::varchar(80), resource, day, amount
FROM metering_usageday WHERE day > metering_summed_until()
UNION ALL
SELECT id, 'user'::varchar(10), user_key, ''::varchar(80), resource, day, amount
FROM metering_usageday WHERE day > metering_summed_until();
"""
_NO_VIEW = "DROP VIEW metering_usageshown; DROP FUNCTION metering_summed_until()"


class Migration(migrations.Migration):
    dependencies = [
        ("metering", "0006_sums_within_a_team"),
    ]

    operations = [
        migrations.CreateModel(
            name="UsageSum",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("system", "The whole installation"),
                            ("team", "A team"),
                            ("group", "A group"),
                            ("user", "A person"),
                            ("member", "A member of a team"),
                            ("key", "An API key"),
                        ],
                        max_length=10,
                    ),
                ),
                ("subject", models.UUIDField()),
                ("model", models.CharField(blank=True, max_length=80)),
                (
                    "resource",
                    models.CharField(
                        choices=[
                            ("questions", "questions"),
                            ("prompt_tokens", "prompt tokens"),
                            ("output_tokens", "generated tokens"),
                            ("pages", "pages read"),
                            ("documents", "documents"),
                            ("storage_bytes", "bytes of storage"),
                            ("generations", "answers at the same time"),
                            ("pictures", "pictures"),
                            ("pixel_steps", "pixel-steps"),
                            ("audio_seconds", "seconds of audio"),
                            ("api_calls", "API calls"),
                            ("money", "cost"),
                        ],
                        max_length=20,
                    ),
                ),
                ("day", models.DateField()),
                ("amount", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="usageday",
            name="usage_day_by_resource",
        ),
        migrations.RemoveIndex(
            model_name="usageday",
            name="usage_day_by_model",
        ),
        migrations.AddIndex(
            model_name="usageday",
            index=models.Index(fields=["day", "resource"], name="usage_day_recent"),
        ),
        migrations.AddIndex(
            model_name="usagesum",
            index=models.Index(
                fields=["scope", "resource", "day"], include=("subject", "amount"), name="usage_sum_ranked"
            ),
        ),
        migrations.AddConstraint(
            model_name="usagesum",
            constraint=models.UniqueConstraint(
                fields=("scope", "subject", "day", "resource", "model"), name="usage_sum_unique"
            ),
        ),
        migrations.CreateModel(
            name="UsageShown",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.CharField(max_length=10)),
                ("subject", models.UUIDField()),
                ("model", models.CharField(max_length=80)),
                ("resource", models.CharField(max_length=20)),
                ("day", models.DateField()),
                ("amount", models.BigIntegerField()),
            ],
            options={
                "managed": False,
            },
        ),
        migrations.RunSQL(_VIEW, _NO_VIEW),
    ]
