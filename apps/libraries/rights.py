"""What a person may do where: the rights of `models.grants`, in words, for pages, searches and explanations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from apps.libraries.models import Level, Place
from apps.libraries.models.documents import DocumentQuerySet
from apps.libraries.models.grants import grants_of
from apps.users.access import acting_key, memberships_of
from apps.users.models import Role, User


@dataclass(frozen=True, slots=True)
class Right:
    """What a person may do at one place; `level` is None where they may not even read."""

    library_id: UUID
    level: Level | None


@dataclass(frozen=True)
class Rights:
    """A person's rights in some libraries: those of the libraries themselves, and those at the places in them."""

    libraries: Mapping[UUID, Level | None]
    places: Mapping[UUID, Right]

    def level(self, library_id: UUID, place_id: UUID | None) -> Level | None:
        """Return what the person may do with a document whose place this is."""
        if place_id is None:
            return self.libraries.get(library_id)
        right = self.places.get(place_id)
        return right.level if right is not None else None

    @cached_property
    def readable(self) -> tuple[UUID, ...]:
        """Return the ids of libraries and places whose documents may be read: what a search compares with."""
        libraries = [library for library, level in self.libraries.items() if level]
        return (*libraries, *(place for place, right in self.places.items() if right.level))

    @cached_property
    def library_ids(self) -> tuple[UUID, ...]:
        """Return the libraries in which anything may be read."""
        inside = {right.library_id for right in self.places.values() if right.level}
        return tuple(library for library, level in self.libraries.items() if level or library in inside)

    def narrow(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        """Return those of the documents that may be read, by plain ids: for lists that ask many times."""
        found = documents.filter(library__in=list(self.libraries))
        if not self.is_partial:
            return found
        libraries = [library for library, level in self.libraries.items() if level]
        places = [place for place, right in self.places.items() if right.level]
        return found.filter(Q(place=None, library__in=libraries) | Q(place__in=places))

    @cached_property
    def is_partial(self) -> bool:
        """Return whether something in the readable libraries is hidden."""
        closed = any(not level for level in self.libraries.values())
        return closed or any(not right.level for right in self.places.values())


def rights_in(user: User, library_ids: Iterable[UUID]) -> Rights:
    """Return a person's rights in libraries; libraries of others' teams and deleted ones are left out.

    Two queries where no library has places, as nearly always: grants are the dearer question. Else three.
    """
    libraries = Q(team__libraries__in=list(library_ids), team__libraries__deleted_at=None)
    key = acting_key.get()
    if key is not None and key.library_ids is not None:
        libraries &= Q(team__libraries__in=key.library_ids)
    roles = {
        library: Role(role)
        for library, role in memberships_of(user).filter(libraries).values_list("team__libraries", "role")
    }
    places = Place.objects.filter(library__in=list(roles))
    if not places.exists():
        return _resolved(roles, [])
    mine = ArrayAgg("grants__level", filter=Q(grants__in=grants_of(user)), default=[])
    rows = places.annotate(mine=mine).values_list("pk", "library", "folder", "document", "is_open", "counts", "mine")
    return _resolved(roles, list(rows))


Row = tuple[UUID, UUID, str, UUID | None, bool, list[UUID], list[str]]


def _resolved(roles: Mapping[UUID, Role], rows: list[Row]) -> Rights:
    granted = {row[0]: [Level(level) for level in row[6]] for row in rows}
    libraries: dict[UUID, Level | None] = {library: Level.of(role) for library, role in roles.items()}
    places: dict[UUID, Right] = {}
    for place, library, folder, document, is_open, counts, _mine in rows:
        levels = [level for each in counts for level in granted.get(each, ())]
        if is_open or roles[library].covers(Role.ADMIN):
            levels.append(Level.of(roles[library]))
        right = Right(library, max(levels, key=lambda level: level.role.rank, default=None))
        if folder or document:
            places[place] = right
        else:
            libraries[library] = right.level
    return Rights(libraries, places)


def place_of_folder(library_id: UUID, folder: str) -> Place | None:
    """Return the nearest folder with rights of its own at or above a folder; None where the library's hold."""
    parts = folder.split("/") if folder else []
    above = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    rows = {row.folder: row for row in Place.objects.filter(library=library_id, document=None, folder__in=above)}
    return next((rows[each] for each in reversed(above) if each in rows), None)


def folder_level(rights: Rights, library_id: UUID, folder: str) -> Level | None:
    """Return what a person may do in a folder of a library, by their rights in it."""
    place = place_of_folder(library_id, folder)
    return rights.level(library_id, place.pk if place else None)
