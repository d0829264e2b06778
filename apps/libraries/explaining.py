"""Why somebody may read something, or not: the chain of places above it, and everybody who gets through."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.libraries.models import Document, Grant, Level, Library, Place
from apps.libraries.rights import place_of_folder
from apps.libraries.sharing import Spot
from apps.users.models import GroupMember, Membership, Role, User

SHOWN = 100  # of the people who may read a place


@dataclass(frozen=True, slots=True)
class Rung:
    """One place on the way up. `holds`: its grants count; `cuts`: it hides itself from all that stands above it."""

    name: str  # of the folder or document; "" for the library itself
    kind: str  # "document", "folder" or "library"
    place: Place | None
    grants: Sequence[Grant]
    holds: bool
    cuts: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may read a place, and by what: `by` is "team", "role", "person" or "group"."""

    user: User
    level: Level
    by: str
    group: str = ""
    rung: str = ""  # the name of the place where the grant stands; "" for the library
    role: Role = Role.VIEWER


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a person may read a spot and what decides; `reader` is None where they may not."""

    user: User
    membership: Membership | None  # as it is, suspended or not; None for somebody who is no member
    is_live: bool
    reader: Reader | None
    rungs: Sequence[Rung]  # with the grants that are the person's
    decides: Rung | None  # the restricted place that hides it
    document: Document | None = None

    @property
    def is_searched(self) -> bool:
        """Return whether searches read the document at all."""
        found = self.document
        if found is None or found.deleted_at or not found.is_enabled or found.current_version_id is None:
            return False
        today = timezone.localdate()
        return (found.valid_from or today) <= today <= (found.valid_until or today)


def nearest(spot: Spot) -> Place | None:
    """Return the place whose rights hold at a spot: its own, else the nearest above it, the library's at last."""
    if spot.document is not None:
        found = Place.objects.filter(documents=spot.document).first()
    else:
        found = place_of_folder(spot.library.pk, spot.folder) if spot.folder else None
    return found or Place.objects.filter(library=spot.library, document=None, folder="").first()


def rungs_of(spot: Spot) -> list[Rung]:
    """Return the spot and the places above it that have rights of their own, and the library; three queries."""
    places = {row.pk: row for row in Place.objects.filter(library=spot.library).select_related("document")}
    grants: dict[UUID, list[Grant]] = {}
    for grant in Grant.objects.filter(place__library=spot.library).select_related("user", "group", "granted_by"):
        grants.setdefault(grant.place_id, []).append(grant)
    first = nearest(spot)
    chain: list[Place] = []
    at = places.get(first.pk) if first else None
    while at is not None and len(chain) <= len(places):
        chain.append(at)
        at = places.get(at.parent_id) if at.parent_id else None
    return list(_rungs(spot, chain, grants))


def _rungs(spot: Spot, chain: Sequence[Place], grants: dict[UUID, list[Grant]]) -> Iterable[Rung]:
    rungs = [
        Rung(
            name=row.document.name if row.document else row.folder,
            kind="document" if row.document else "folder" if row.folder else "library",
            place=row,
            grants=grants.get(row.pk, []),
            holds=False,
            cuts=row.is_restricted,
        )
        for row in chain
    ]
    own = spot.place
    if (own is None or not chain or chain[0].pk != own.pk) and (spot.document or spot.folder):
        kind = "document" if spot.document else "folder"
        rungs.insert(0, _bare(spot.document.name if spot.document else spot.folder, kind))
    if not rungs or rungs[-1].kind != "library":
        rungs.append(_bare("", "library"))
    holds = True
    for rung in rungs:
        yield replace(rung, holds=holds)
        holds = holds and not rung.cuts


def _bare(name: str, kind: str) -> Rung:
    """Return a rung without rights of its own."""
    return Rung(name, kind, None, (), holds=False, cuts=False)


def readers_of(rungs: Sequence[Rung], library: Library, only: User | None = None) -> list[Reader]:
    """Return who may read a spot, by its rungs, the mightiest first; three queries however many people there are."""
    members = Membership.objects.live().filter(team=library.team_id).select_related("user")
    if only is not None:
        members = members.filter(user=only)
    held = [(rung, grant) for rung in rungs if rung.holds for grant in rung.grants]
    groups = {grant.group_id for _rung, grant in held if grant.group_id}
    inside: dict[UUID, set[UUID]] = {}
    for group, user in GroupMember.objects.filter(group__in=groups).values_list("group", "membership__user"):
        inside.setdefault(user, set()).add(group)
    is_open = not any(rung.cuts for rung in rungs)
    found = (_reader(row, held, inside.get(row.user_id, set()), is_open=is_open) for row in members)
    readers = [each for each in found if each is not None]
    return sorted(readers, key=lambda each: (-each.level.role.rank, str(each.user).casefold()))


def _reader(
    member: Membership, held: Sequence[tuple[Rung, Grant]], groups: set[UUID], *, is_open: bool
) -> Reader | None:
    role = Role(member.role)
    if role.covers(Role.ADMIN):
        return Reader(member.user, Level.MANAGE, "team", role=role)
    ways = [Reader(member.user, Level.of(role), "role", role=role)] if is_open else []
    for rung, grant in held:
        level = Level(grant.level)
        if grant.user_id == member.user_id:
            ways.append(Reader(member.user, level, "person", rung=rung.name, role=role))
        elif grant.group is not None and grant.group_id in groups:
            ways.append(Reader(member.user, level, "group", grant.group.name, rung.name, role))
    return max(ways, key=lambda each: each.level.role.rank, default=None)


def explain(spot: Spot, user: User) -> Verdict:
    """Return whether a person may read a spot, and by which place that is decided."""
    rungs = rungs_of(spot)
    membership = Membership.objects.filter(team=spot.library.team_id, user=user).select_related("user").first()
    is_live = Membership.objects.live().filter(team=spot.library.team_id, user=user).exists()
    readers = readers_of(rungs, spot.library, user)
    groups = set(GroupMember.objects.filter(membership__user=user).values_list("group", flat=True))
    theirs = [
        replace(rung, grants=[each for each in rung.grants if each.user_id == user.pk or each.group_id in groups])
        for rung in rungs
    ]
    cut = next((rung for rung in theirs if rung.cuts), None)
    return Verdict(
        user, membership, is_live, readers[0] if readers else None, theirs, None if readers else cut, spot.document
    )


def member_named(library: Library, text: str) -> User | None:
    """Return the member or former member whom a text names: "Name <e-mail>", an e-mail or an id. None for others."""
    wanted = text.strip().rpartition("<")[2].rstrip(">").strip().replace("\x00", "")
    named = Q(email__iexact=wanted)
    with suppress(ValueError):
        named |= Q(pk=UUID(wanted))
    return User.objects.filter(named, memberships__team=library.team_id).first()
