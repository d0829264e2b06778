"""What must always hold of rights: places know what is above them, documents know their place."""

from django.db import connection

from apps.core.invariants import invariant
from apps.libraries.models import Library, Place
from apps.libraries.sharing import arranged

SHOWN = 20  # violations of one kind that are listed
_WRONG_PLACES = f"""
SELECT id FROM libraries_document
WHERE library_id IN (SELECT library_id FROM libraries_place)
    AND place_id IS DISTINCT FROM libraries_nearest_place(library_id, folder, id, parent_id)
LIMIT {SHOWN}
"""  # noqa: S608
_FOREIGN_GROUPS = f"""
SELECT g.id FROM libraries_grant g JOIN libraries_place p ON p.id = g.place_id
JOIN libraries_library l ON l.id = p.library_id JOIN users_group x ON x.id = g.group_id
WHERE x.team_id <> l.team_id LIMIT {SHOWN}
"""  # noqa: S608


def _ids(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [str(row[0]) for row in cursor.fetchall()]


@invariant("libraries.documents-know-their-place")
def documents_know_their_place() -> list[str]:
    """A document's place is the nearest one with rights of its own, which search and lists read."""
    return [f"document {each} has another place than the nearest" for each in _ids(_WRONG_PLACES)]


@invariant("libraries.places-know-what-counts")
def places_know_what_counts() -> list[str]:
    """What a place keeps of those above it is what is above it."""
    libraries = Library.objects.filter(pk__in=Place.objects.values("library")).values_list("pk", flat=True)
    wrong = [row.pk for library in libraries for row in arranged(library)]
    return [f"place {each} keeps other places than those above it" for each in wrong[:SHOWN]]


@invariant("libraries.grants-stay-in-the-team")
def grants_stay_in_the_team() -> list[str]:
    """A group has rights in libraries of its own team alone."""
    return [f"grant {each} names a group of another team" for each in _ids(_FOREIGN_GROUPS)]
