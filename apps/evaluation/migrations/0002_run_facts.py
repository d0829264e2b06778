"""What a run ran on, what fell in it, and how many workers died with it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evaluation", "0001_initial")]
    operations = [
        migrations.AddField("run", "alarm", models.JSONField(blank=True, default=dict)),
        migrations.AddField("run", "facts", models.JSONField(blank=True, default=dict)),
        migrations.AddField("run", "losses", models.PositiveIntegerField(default=0)),
        migrations.AlterField(
            "setquestion",
            "origin",
            models.CharField(
                choices=[
                    ("written", "Written"),
                    ("imported", "Imported"),
                    ("drafted", "Drafted by a model"),
                    ("rule", "Made by a rule"),
                    ("chat", "From a chat"),
                    ("test", "From a retrieval test"),
                ],
                default="written",
                max_length=10,
            ),
        ),
    ]
