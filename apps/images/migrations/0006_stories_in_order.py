from django.db import migrations, models


class Migration(migrations.Migration):
    """Stories and scenes that can be brought back; scenes that change places."""

    dependencies = [("images", "0005_assistant")]

    operations = [
        migrations.AddField("scene", "deleted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("story", "deleted_at", models.DateTimeField(blank=True, null=True)),
        migrations.RemoveConstraint("scene", "scene_unique"),
        migrations.AddConstraint(
            "scene",
            models.UniqueConstraint(
                fields=["story", "number"], name="scene_unique", deferrable=models.Deferrable.DEFERRED
            ),
        ),
    ]
