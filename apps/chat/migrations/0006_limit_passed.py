from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0005_chat_opening")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="limit_passed",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]
