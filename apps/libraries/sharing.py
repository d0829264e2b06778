"""Changing who may read, write and manage a library, one of its folders, or a document.

Every change is one transaction with its audit event and holds for the next statement of anybody. `Place.parent`,
`counts` and `is_open` are made anew for the library's places; the documents' nearest places follow by their trigger.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from apps.audit import services as audit
from apps.libraries.errors import GranteeUnknown, SameFileThere
from apps.libraries.filters import in_folder
from apps.libraries.models import Document, Grant, Level, Library, Place
from apps.users.models import Group, Membership, Role, User

LOCK = 1920493672  # of a library's rights, as in migration 0012: shared by who adds or moves documents
GENERATIONS = 12  # of files within files; they are at most a handful deep

_LOCK = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
# The trigger sets the place; this asks it to, for what may be wrong. A part follows its file, so generations follow.
_SETTLE = """
UPDATE libraries_document d SET place_id = NULL
WHERE d.library_id = %(library)s
    AND (d.place_id IS NOT NULL OR d.id = %(document)s
        OR (%(folder)s <> '' AND (d.folder = %(folder)s OR starts_with(d.folder, %(folder)s || '/')))
        OR EXISTS (SELECT 1 FROM libraries_document f JOIN libraries_place p ON p.id = f.place_id
                   WHERE f.id = d.parent_id AND p.document_id IS NOT NULL))
    AND d.place_id IS DISTINCT FROM libraries_nearest_place(d.library_id, d.folder, d.id, d.parent_id)
"""


_ARRANGE = """
UPDATE libraries_place p SET parent_id = v.parent_id, counts = string_to_array(v.counts, ',')::uuid[],
    is_open = v.is_open
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::boolean[]) AS v(id, parent_id, counts, is_open) WHERE p.id = v.id
"""


@dataclass(frozen=True, slots=True)
class Spot:
    """What is shared: a document, a folder, or with neither the library itself."""

    library: Library
    folder: str = ""
    document: Document | None = None

    @property
    def place(self) -> Place | None:
        """Return its place where it has rights of its own."""
        found = Place.objects.filter(library=self.library)
        if self.document is not None:
            return found.filter(document=self.document).first()
        return found.filter(document=None, folder=self.folder).first()

    @property
    def name(self) -> str:
        """Return what people call it."""
        return self.document.name if self.document else self.folder.rpartition("/")[2] or self.library.name

    @property
    def audit_target(self) -> Library | Document:
        """Return what the log names."""
        return self.document or self.library


Grantee = User | Group


def restrict(*, user: User, spot: Spot, is_restricted: bool) -> None:
    """Cut a place off from what holds above it, or open it again. Who cuts it off goes on managing it.

    Raises SameFileThere where opening would put the same bytes twice into one place.
    """
    with _changing(user, spot, reshapes=True) as place:
        if place.is_restricted == is_restricted:
            return
        place.is_restricted, place.changed_by = is_restricted, user
        place.save(update_fields=["is_restricted", "changed_by", "updated_at"])
        if is_restricted and not _manages_team(user, spot.library):
            Grant.objects.update_or_create(place=place, user=user, defaults={"level": Level.MANAGE, "granted_by": user})
        _record("place.restricted" if is_restricted else "place.opened", user, spot, {})


def grant(*, user: User, spot: Spot, to: Grantee, level: Level) -> None:
    """Give a member or a group a level at a place, in place of one they have. Raises GranteeUnknown."""
    _check_grantee(spot.library, to)
    with _changing(user, spot) as place:
        before = Grant.objects.filter(place=place, **_named(to)).first()
        if before is not None and before.level == level:
            return
        values = {"level": level, "granted_by": user}
        Grant.objects.update_or_create(defaults=values, place=place, **_named(to))  # type: ignore[arg-type]  # "user", "group"
        detail = {"level": level.value, "before": before.level if before else ""}
        _record("grant.changed" if before else "grant.added", user, spot, {**_said(to), **detail})


def revoke(*, user: User, spot: Spot, to: Grantee) -> None:
    """Take a grant away."""
    with _changing(user, spot) as place:
        gone = Grant.objects.filter(place=place, **_named(to)).first()
        if gone is None:
            return
        gone.delete()
        _record("grant.removed", user, spot, {**_said(to), "level": gone.level})


@contextmanager
def _changing(user: User, spot: Spot, *, reshapes: bool = False) -> Iterator[Place]:
    """Give the place of a spot, made where there is none, and settle the library's rights behind the change."""
    with moving(spot.library.pk):
        known = spot.place
        is_new = known is None
        place = known or Place.objects.create(
            library=spot.library,
            folder="" if spot.document else spot.folder,
            document=spot.document,
            changed_by=user,
        )
        yield place
        is_idle = not place.is_restricted and not place.grants.exists()
        if not (is_new or is_idle or reshapes):
            return
        settle(spot.library.pk, folder=spot.folder, document_id=spot.document.pk if spot.document else None)


def settle(library_id: UUID, *, folder: str = "", document_id: UUID | None = None) -> None:
    """Make a library's places and its documents' nearest places right again, after a change in a folder or document.

    Places that say nothing are removed.
    """
    idle = Place.objects.filter(library=library_id, is_restricted=False, grants=None)
    gone = list(idle.values_list("pk", flat=True))
    if gone:
        Place.objects.filter(parent__in=gone).update(parent=None)
        Place.objects.filter(pk__in=gone)._raw_delete(using="default")
    arrange(library_id)
    values: dict[str, UUID | str | None] = {"library": library_id, "folder": folder, "document": document_id}
    with connection.cursor() as cursor:
        for _generation in range(GENERATIONS):
            cursor.execute(_SETTLE, values)
            if not cursor.rowcount:
                return


def arrange(library_id: UUID) -> None:
    """Write `parent`, `counts` and `is_open` of a library's places where they are wrong."""
    rows = arranged(library_id)
    values = (
        [row.pk for row in rows],
        [row.parent_id for row in rows],
        [",".join(map(str, row.counts)) for row in rows],
        [row.is_open for row in rows],
    )
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_ARRANGE, values)


def arranged(library_id: UUID) -> list[Place]:
    """Return the places of a library that are kept wrongly, put right and not saved."""
    rows = {row.pk: row for row in Place.objects.filter(library=library_id).select_related("document")}
    above = _Above(rows.values())
    wrong = []
    for row in rows.values():
        chain = above.chain(row)
        counts = [each.pk for each in chain]
        is_open = not chain[-1].is_restricted
        upper = above.of(row)
        upper_id = upper.pk if upper else None
        if (row.parent_id, row.counts, row.is_open) != (upper_id, counts, is_open):
            row.parent_id, row.counts, row.is_open = upper_id, counts, is_open
            wrong.append(row)
    return wrong


class _Above:
    """Finds the place above a place: of a document's, its file's or its folder's; of a folder's, the next folder's."""

    def __init__(self, rows: Iterable[Place]) -> None:
        rows = list(rows)
        self._folders: Mapping[str, Place] = {row.folder: row for row in rows if row.document_id is None}
        self._documents: Mapping[UUID, Place] = {row.document_id: row for row in rows if row.document_id}
        self._files = self._parents(rows)

    @staticmethod
    def _parents(rows: Iterable[Place]) -> dict[UUID, UUID]:
        """Return the file of each part, for the parts with rights of their own and all files above them."""
        found: dict[UUID, UUID] = {}
        for row in rows:
            upper = row.document.parent_id if row.document else None
            if row.document and upper:
                found[row.document.pk] = upper
        wanted = set(found.values())
        for _generation in range(GENERATIONS):
            if not wanted:
                break
            pairs = Document.objects.filter(pk__in=wanted, parent__isnull=False).values_list("pk", "parent")
            above = {part: file for part, file in pairs if file}
            found |= above
            wanted = set(above.values())
        return found

    def of(self, row: Place) -> Place | None:
        if row.document is None:
            return self._folder(row.folder.rpartition("/")[0]) if row.folder else None
        around = self._folder(row.document.folder)
        file = self._file(row.document.pk)
        if file is None:
            return around
        if around is None or around.folder == "" or self.is_open(around) or not self.is_open(file):
            return file
        return around

    def chain(self, row: Place) -> list[Place]:
        """Return the place and those above it up to the nearest restricted one."""
        chain = [row]
        while not chain[-1].is_restricted and (upper := self.of(chain[-1])) is not None:
            chain.append(upper)
        return chain

    def is_open(self, row: Place) -> bool:
        return not self.chain(row)[-1].is_restricted

    def _folder(self, folder: str) -> Place | None:
        while folder:
            if folder in self._folders:
                return self._folders[folder]
            folder = folder.rpartition("/")[0]
        return self._folders.get("")

    def _file(self, document_id: UUID) -> Place | None:
        upper = self._files.get(document_id)
        while upper is not None:
            if upper in self._documents:
                return self._documents[upper]
            upper = self._files.get(upper)
        return None


@contextmanager
def moving(library_id: UUID) -> Iterator[None]:
    """Run the moving of documents as one transaction in which the library's rights stand still."""
    try:
        with transaction.atomic():
            hold_rights_alone(library_id)
            yield
    except IntegrityError as error:
        if "document_bytes_unique" in str(error):
            raise SameFileThere from error
        raise


def settle_moved(library_id: UUID) -> None:
    """Make places right after documents or folders moved; a library without places is left at once."""
    if Place.objects.filter(library=library_id).exists():
        settle(library_id)


def move_places(library_id: UUID, before: str, after: str) -> None:
    """Let the rights of a folder and of those below it go with it; needs a transaction that holds the rights alone."""
    for row in Place.objects.filter(in_folder(before), library=library_id, document=None):
        row.folder = (after + row.folder[len(before) :]).strip("/")
        row.save(update_fields=["folder", "updated_at"])


def hold_rights_alone(library_id: UUID) -> None:
    """Wait for who adds or moves documents in the library, and keep others from it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [LOCK, str(library_id)])


def _check_grantee(library: Library, to: Grantee) -> None:
    if isinstance(to, Group):
        is_known = to.team_id == library.team_id
    else:
        is_known = Membership.objects.filter(team=library.team_id, user=to).exists()
    if not is_known:
        raise GranteeUnknown


def _manages_team(user: User, library: Library) -> bool:
    roles = Membership.objects.live().filter(team=library.team_id, user=user).values_list("role", flat=True)
    return any(Role(role).covers(Role.ADMIN) for role in roles)


def _named(to: Grantee) -> dict[str, Grantee | None]:
    return {"group": to, "user": None} if isinstance(to, Group) else {"user": to, "group": None}


def _said(to: Grantee) -> dict[str, str]:
    return {"group": to.name} if isinstance(to, Group) else {"user": to.email}


def _record(action: str, user: User, spot: Spot, detail: Mapping[str, str]) -> None:
    where = {
        "library": spot.library.name,
        "folder": spot.folder,
        "document": spot.document.name if spot.document else "",
    }
    audit.record(
        action,
        actor=user,
        team=spot.library.team,
        target=spot.audit_target,
        detail={**detail, **{name: value for name, value in where.items() if value}},
    )
