"""The console lists the jobs of all teams, newest first, without sorting them all."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0006_model_switches")]

    operations = [
        migrations.AddIndex(
            model_name="ingestionjob",
            index=models.Index(fields=["-created_at", "-id"], name="job_by_age"),
        ),
        migrations.AddIndex(
            model_name="ingestionjob",
            index=models.Index(fields=["team", "-created_at", "-id"], name="job_of_team_by_age"),
        ),
    ]
