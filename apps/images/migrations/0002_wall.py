"""The studio's tables stand behind the second wall as all others do (docs/adr/0031)."""

from django.db import migrations

from apps.core.tenancy import BY_TEAM, by_parent, walled

OF_A_TEAM = ("board", "imagejob", "imagepolicy", "picture", "picturereport", "story", "style", "wordlist")


class Migration(migrations.Migration):
    dependencies = [("images", "0001_initial"), ("core", "0002_cheaper_policies")]

    operations = [
        *(walled(f"images_{table}", BY_TEAM) for table in OF_A_TEAM),
        walled("images_scene", by_parent("images_story", "story_id")),
    ]
