import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.tenancy import BY_TEAM, walled


class Migration(migrations.Migration):
    """What a person never wants in a picture; scenes whose prompt no model wrote."""

    dependencies = [
        ("images", "0004_report_decisions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AssistantWords",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("negative", models.CharField(blank=True, max_length=500)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="users.team"),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="assistantwords",
            constraint=models.UniqueConstraint(fields=("team", "owner"), name="assistant_words_unique"),
        ),
        migrations.AddField(
            model_name="scene",
            name="is_plain",
            field=models.BooleanField(default=False, db_default=False),
        ),
        walled("images_assistantwords", BY_TEAM),
    ]
