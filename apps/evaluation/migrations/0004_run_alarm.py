"""The bell of every page asks for open alarms."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0003_deleted_questions")]
    operations = [
        migrations.AddIndex(
            "run", models.Index(condition=models.Q(("is_alarm", True)), fields=["-finished_at"], name="run_alarm")
        ),
    ]
