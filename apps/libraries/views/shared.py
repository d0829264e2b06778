"""What the pages of a library share: the numbers in the head, and what the person may do."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apps.libraries.counting import counted
from apps.libraries.models import Document, Level, Library
from apps.libraries.rights import Rights, rights_in
from apps.users.models import Role
from apps.users.requests import PersonRequest

CHANGED = "kb:documents"  # the event on which the table loads itself again


def head(request: PersonRequest, library: Library) -> dict[str, object]:
    """Return what the head of every library page shows: its numbers, and what the person may do."""
    held = rights_in(request.user, [library.pk])
    (shown,) = counted(Library.objects.with_locks().filter(pk=library.pk), held)
    shown.team = library.team
    return _rights(held, library, None) | {"library": shown}


def rights(request: PersonRequest, library: Library, place_id: UUID | None = None) -> dict[str, object]:
    """Return `may_edit` and `may_manage` in the library itself, or at one of its places; `held` are all rights in it.

    `is_shared`: the library itself may be read, not only parts of it; `sees_all`: nothing in it is hidden.
    """
    return _rights(rights_in(request.user, [library.pk]), library, place_id)


def _rights(held: Rights, library: Library, place_id: UUID | None) -> dict[str, object]:
    return said(held, held.level(library.pk, place_id)) | {"is_shared": held.libraries.get(library.pk) is not None}


def rights_of(request: PersonRequest, document: Document) -> dict[str, object]:
    """Return `may_edit` and `may_manage` for a document."""
    return rights(request, document.library, document.place_id)


def said(held: Rights, level: Level | None) -> dict[str, object]:
    """Return what templates ask about a level."""
    return {
        "held": held,
        "may_edit": level is not None and level.role.covers(Role.EDITOR),
        "may_manage": level == Level.MANAGE,
        "sees_all": not held.is_partial,
    }


def mark(documents: Iterable[Document], held: Rights) -> None:
    """Note on the rows of a list what the person may do with each."""
    for document in documents:
        level = held.level(document.library_id, document.place_id)
        row: Any = document  # what templates ask of it is no column
        row.may_edit = level is not None and level.role.covers(Role.EDITOR)
        row.may_manage = level == Level.MANAGE
        row.is_chosen = document.place is not None and not document.place.is_open
        upper = document.parent
        row.shows_parent = upper is not None and held.level(upper.library_id, upper.place_id) is not None
