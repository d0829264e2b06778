"""Where a change of a library's words stands, and what was before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds columns that may be empty: nothing is rewritten."""

    dependencies = [("libraries", "0008_nearest_library")]

    operations = [
        migrations.AddField("lexicon", "target", models.JSONField(blank=True, null=True)),
        migrations.AddField("lexicon", "former", models.JSONField(blank=True, null=True)),
        migrations.AddField("lexicon", "cursor", models.UUIDField(blank=True, null=True)),
    ]
