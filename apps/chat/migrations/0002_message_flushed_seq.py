"""The place in the event log up to which a message's text was saved: a reader whose log is gone goes on from there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial")]

    operations = [
        migrations.AddField(model_name="message", name="flushed_seq", field=models.PositiveIntegerField(default=0))
    ]
