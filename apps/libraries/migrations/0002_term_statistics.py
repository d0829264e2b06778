"""The statistics that BM25 needs, per library."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("libraries", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="LibraryStatistics",
            fields=[
                (
                    "library",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="statistics",
                        serialize=False,
                        to="libraries.library",
                    ),
                ),
                ("chunks", models.BigIntegerField(default=0)),
                ("occurrences", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="TermStatistics",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("term", models.TextField()),
                ("chunks", models.IntegerField()),
                (
                    "library",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="libraries.library",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("library", "term"), name="term_of_library")],
            },
        ),
        # Searching reads many of these vectors: uncompressed they need no unpacking (they hardly shrink anyway).
        migrations.RunSQL(
            "ALTER TABLE libraries_chunk ALTER COLUMN weights SET STORAGE EXTERNAL",
            "ALTER TABLE libraries_chunk ALTER COLUMN weights SET STORAGE EXTENDED",
        ),
        # Every new document raises the counts of common terms: room on the page keeps these updates off the indexes.
        migrations.RunSQL(
            "ALTER TABLE libraries_termstatistics SET (fillfactor = 80)",
            "ALTER TABLE libraries_termstatistics RESET (fillfactor)",
        ),
    ]
