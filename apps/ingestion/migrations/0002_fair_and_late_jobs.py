import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
        ("ingestion", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="ingestionjob",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ingestionjob",
            name="model",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="catalog.aimodel"
            ),
        ),
        migrations.AddIndex(
            model_name="ingestionjob",
            index=models.Index(fields=["team", "-started_at"], name="job_team_served"),
        ),
        migrations.AddIndex(
            model_name="stagedchunk",
            index=models.Index(condition=models.Q(("vector", None)), fields=["job", "ordinal"], name="staged_waiting"),
        ),
    ]
