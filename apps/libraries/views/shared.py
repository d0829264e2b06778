"""What the pages of a library share: the numbers in the head, and what the person may do."""

from uuid import UUID

from apps.libraries.models import Library
from apps.users.access import role_in
from apps.users.models import Role
from apps.users.requests import PersonRequest

CHANGED = "kb:documents"  # the event on which the table loads itself again


def head(request: PersonRequest, library: Library) -> dict[str, object]:
    """Return what the head of every library page shows: its numbers, and what the person may do."""
    counted = Library.objects.with_counts(request.user).get(pk=library.pk)
    counted.team = library.team
    return rights(request, library) | {"library": counted}


def rights(request: PersonRequest, library: Library) -> dict[str, object]:
    """Return `may_edit` and `may_manage`."""
    role = role_in(request.user, library.team_id)
    return {
        "may_edit": role is not None and role.covers(Role.EDITOR),
        "may_manage": role is not None and role.covers(Role.ADMIN),
    }


def uuid_or_none(value: str) -> UUID | None:
    """Return the id in a text, None where there is none."""
    try:
        return UUID(value)
    except ValueError:
        return None
