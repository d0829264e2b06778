"""Reports keep why an admin decided, and when the owner of a picture learnt that it was taken down."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("images", "0003_turns")]

    operations = [
        migrations.AddField("picturereport", "decision", models.TextField(blank=True, db_default="", max_length=1000)),
        migrations.AddField("picturereport", "told_at", models.DateTimeField(null=True)),
    ]
