"""Fair turns between teams, the measured pace of each stage, and what the bell counts."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0004_web_sources"),
        ("users", "0001_initial"),
    ]

    operations = [
        migrations.AddField("ingestionjob", "is_cleared", models.BooleanField(default=False)),
        migrations.RemoveIndex("ingestionjob", "job_team_served"),
        migrations.AddIndex(
            "ingestionjob",
            models.Index(
                condition=models.Q(("state", "queued")),
                fields=["stage", "team", "created_at", "id"],
                name="job_queue",
            ),
        ),
        migrations.AddIndex(
            "ingestionjob",
            models.Index(
                condition=models.Q(("is_cleared", False), ("state__in", ["queued", "running", "failed"])),
                fields=["team", "state"],
                name="job_bell",
            ),
        ),
        migrations.CreateModel(
            name="Turn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stage", models.CharField(max_length=10)),
                ("served_at", models.DateTimeField()),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="users.team"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "stage"), name="turn_of_team")],
            },
        ),
        migrations.CreateModel(
            name="Pace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stage", models.CharField(max_length=10)),
                ("suffix", models.CharField(blank=True, max_length=10)),
                ("units", models.FloatField(default=0)),
                ("cost", models.FloatField(default=0)),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="users.team"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "stage", "suffix"), name="pace_of_team")],
            },
        ),
    ]
