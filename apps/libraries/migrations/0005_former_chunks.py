"""Former chunks of replaced versions; by which rule and under which title a version was cut and indexed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Additive."""

    dependencies = [("libraries", "0004_pages_sections_and_edits")]

    operations = [
        migrations.AddField(
            model_name="documentversion",
            name="cut_by",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="indexed_title",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.CreateModel(
            name="FormerChunks",
            fields=[
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="former",
                        serialize=False,
                        to="libraries.documentversion",
                    ),
                ),
                ("packed", models.BinaryField()),
            ],
        ),
    ]
