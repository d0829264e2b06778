from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("libraries", "0002_term_statistics"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])), fields=["status"], name="document_unsettled"
            ),
        ),
    ]
