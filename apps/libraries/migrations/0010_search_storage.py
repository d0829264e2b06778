"""Lays out what a search reads: the statistics of a term side by side, and a chunk's weights in the chunk's own row."""

import django.db.models.deletion
from django.db import migrations, models

# A question asks for a dozen terms in up to all libraries of a team: by term first that is a dozen places of the index.
# The lexical leg reads thousands of chunks' weights. Out of line each cost four more pages; MAIN keeps them in the row,
# and the larger target keeps rows of usual length there. Rows that exist stay as they are until they are written again.
_LAYOUT = """
ALTER TABLE libraries_chunk ALTER COLUMN weights SET STORAGE MAIN;
ALTER TABLE libraries_chunk SET (toast_tuple_target = 4080);
"""
_FORMER = """
ALTER TABLE libraries_chunk ALTER COLUMN weights SET STORAGE EXTERNAL;
ALTER TABLE libraries_chunk RESET (toast_tuple_target);
"""


class Migration(migrations.Migration):
    """Builds one index again; no row is rewritten."""

    dependencies = [("libraries", "0009_lexicon_history")]

    operations = [
        migrations.RemoveConstraint("termstatistics", "term_of_library"),
        migrations.AddConstraint(
            "termstatistics", models.UniqueConstraint(fields=["term", "library"], name="term_of_library")
        ),
        migrations.AlterField(
            "termstatistics",
            "library",
            models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="libraries.library"),
        ),
        migrations.RunSQL(_LAYOUT, _FORMER),
    ]
