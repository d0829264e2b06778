"""Which documents a bulk action is about: those that were ticked, or all that the list's filter shows."""

from uuid import UUID

from django.http import QueryDict

from apps.core.errors import Forbidden
from apps.libraries import filters
from apps.libraries.errors import NothingSelected
from apps.libraries.metadata import fields_of
from apps.libraries.models import Document, Level, Library
from apps.libraries.models.documents import DocumentQuerySet
from apps.libraries.rights import rights_in
from apps.users.models import User

IDS_MAX = 500  # ticked one by one; more are selected by their filter


def listed(user: User, library: Library) -> DocumentQuerySet:
    """Return the documents of a library that lists show to a person."""
    alive = Document.objects.filter(library=library, deleted_at=None)
    return rights_in(user, [library.pk]).narrow(alive)


def selected(user: User, library: Library, form: QueryDict) -> DocumentQuerySet:
    """Return what `id` names, or with `all=1` what the filter in `filter` shows, of what the person may change.

    The ids are fixed now, so that an action which changes what the filter looks at still is about the same documents.
    Raises NothingSelected, and Forbidden where a ticked document may be read but not changed.
    """
    writable = listed(user, library).allowing(user, Level.WRITE)
    if form.get("all") == "1":
        fields = fields_of(library)
        wanted = filters.parse(QueryDict(form.get("filter", "")), fields)
        found = filters.apply(writable, wanted, fields)
    else:
        ticked = _ids(form.getlist("id")[:IDS_MAX])
        found = writable.filter(pk__in=ticked)
        if listed(user, library).filter(pk__in=ticked).count() > found.count():
            raise Forbidden
    ids = list(found.values_list("pk", flat=True))
    if not ids:
        raise NothingSelected
    return Document.objects.filter(pk__in=ids, deleted_at=None)


def _ids(values: list[str]) -> list[UUID]:
    ids = []
    for value in values:
        try:
            ids.append(UUID(value))
        except ValueError:
            continue
    return ids
