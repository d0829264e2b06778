import django.db.models.deletion
import pgvector.django.vector
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0001_initial"),
        ("libraries", "0006_questions_and_words"),
    ]

    operations = [
        migrations.RemoveField(model_name="curatedanswer", name="model"),
        migrations.RemoveField(model_name="curatedanswer", name="vectors"),
        migrations.CreateModel(
            name="CuratedVector",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("wording", models.CharField(max_length=1000)),
                ("digest", models.CharField(max_length=64)),
                ("vector", pgvector.django.vector.VectorField()),
                (
                    "curated",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="vectors",
                        to="libraries.curatedanswer",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="catalog.aimodel"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="curatedvector",
            constraint=models.UniqueConstraint(fields=("curated", "model", "digest"), name="one_vector_per_wording"),
        ),
    ]
