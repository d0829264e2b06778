"""Remember which memberships single sign-on made, so that it may end them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("users", "0003_people")]

    operations = [
        migrations.AddField("membership", "is_synced", models.BooleanField(db_default=False, default=False)),
    ]
