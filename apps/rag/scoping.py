"""From a person to where their questions may be searched: the rights of this moment, never kept."""

from collections.abc import Iterable
from uuid import UUID

from apps.libraries.rights import rights_in
from apps.rag.types import Scope
from apps.users.models import User


def common(first: Scope, second: Scope) -> Scope:
    """Return what lies in both of two people's scopes."""
    readable = set(second.readable or ())
    libraries = tuple(each for each in first.library_ids if each in second.library_ids)
    both = tuple(each for each in first.readable or () if each in readable)
    return Scope(first.team_id, libraries, both, is_partial=True)


def scope_for(user: User, team_id: UUID, library_ids: Iterable[UUID]) -> Scope:
    """Return what the person may search of some libraries of a team; without libraries where it is nothing."""
    rights = rights_in(user, library_ids)
    return Scope(team_id, rights.library_ids, rights.readable, rights.is_partial)
