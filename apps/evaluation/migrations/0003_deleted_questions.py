"""Deleted questions can be restored for some time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0002_run_facts")]
    operations = [
        migrations.AlterField(
            "setquestion",
            "state",
            models.CharField(
                choices=[("draft", "Draft"), ("accepted", "Accepted"), ("deleted", "Deleted")],
                default="accepted",
                max_length=10,
            ),
        ),
    ]
