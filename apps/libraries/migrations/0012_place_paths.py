"""Keeps beside each place whose grants count there, and on each document its nearest place, whoever writes it."""

import django.contrib.postgres.fields
from django.db import migrations, models

# A lock of a library's rights: whoever adds or moves documents shares it, whoever changes places has it alone. Without
# it a file that is being uploaded while its folder is restricted would not get the folder's place. Each statement of a
# function in plpgsql sees what was committed before it, so the places are read as they are once the lock is had.
_FUNCTIONS = """
CREATE FUNCTION libraries_nearest_place(of_library uuid, of_folder text, of_document uuid, of_parent uuid)
RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
    own uuid;
    around uuid;
    above uuid;
    around_is_open boolean;
    above_is_open boolean;
BEGIN
    SELECT id INTO own FROM libraries_place WHERE document_id = of_document;
    IF own IS NOT NULL THEN
        RETURN own;
    END IF;
    IF of_folder <> '' THEN
        SELECT id, is_open INTO around, around_is_open FROM libraries_place
        WHERE library_id = of_library AND document_id IS NULL AND folder <> ''
            AND (folder = of_folder OR starts_with(of_folder, folder || '/'))
        ORDER BY length(folder) DESC LIMIT 1;
    END IF;
    IF of_parent IS NOT NULL THEN  -- a part goes with its file, unless somebody put it where fewer may read
        SELECT p.id, p.is_open INTO above, above_is_open FROM libraries_document d JOIN libraries_place p ON p.id = d.place_id
        WHERE d.id = of_parent AND p.document_id IS NOT NULL;
        IF above IS NOT NULL AND (around IS NULL OR around_is_open OR NOT above_is_open) THEN
            RETURN above;
        END IF;
    END IF;
    RETURN around;
END $$;

CREATE FUNCTION libraries_keep_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1920493672, hashtext(NEW.library_id::text));
    NEW.place_id := libraries_nearest_place(NEW.library_id, NEW.folder, NEW.id, NEW.parent_id);
    RETURN NEW;
END $$;

CREATE TRIGGER libraries_document_place
    BEFORE INSERT OR UPDATE OF folder, parent_id, library_id, place_id ON libraries_document
    FOR EACH ROW EXECUTE FUNCTION libraries_keep_place();
"""
_WITHOUT = """
DROP TRIGGER libraries_document_place ON libraries_document;
DROP FUNCTION libraries_keep_place();
DROP FUNCTION libraries_nearest_place(uuid, text, uuid, uuid);
"""


class Migration(migrations.Migration):
    """No place exists yet, so no row is written."""

    dependencies = [("libraries", "0011_places_and_grants")]

    operations = [
        migrations.AddField(
            "place",
            "counts",
            django.contrib.postgres.fields.ArrayField(models.UUIDField(), blank=True, default=list),
        ),
        migrations.AddField("place", "is_open", models.BooleanField(default=True)),
        migrations.RunSQL(_FUNCTIONS, _WITHOUT),
        migrations.RemoveConstraint("document", "document_bytes_unique"),
        migrations.AddConstraint(
            "document",
            models.UniqueConstraint(
                condition=models.Q(("deleted_at", None), ("parent", None)) & ~models.Q(("origin", "web")),
                fields=("library", "sha256", "place"),
                name="document_bytes_unique",
                nulls_distinct=False,
            ),
        ),
    ]
