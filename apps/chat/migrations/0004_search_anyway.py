from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0003_support_feedback_and_traces")]

    operations = [
        migrations.AddField(model_name="message", name="skips_curated", field=models.BooleanField(default=False)),
    ]
