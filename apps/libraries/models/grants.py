"""Who may read, write and manage what: places with rights of their own, and the grants there.

The rules, which `library_allows` and `PlaceQuerySet.allowing` say in SQL and `libraries.rights` in words:
- owners and admins of a team manage everything in it;
- where nothing is restricted on the way up, every member has the rights of their role, and grants on the way add to it;
- else only the grants count that stand at the nearest restricted place and at those below it on the way.
Nothing of it is kept anywhere: a change holds for the next statement.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record
from apps.users.access import memberships_of
from apps.users.models import Group, Role, User


class Level(models.TextChoices):
    """What a grant allows, from least to most."""

    READ = "read", _("Read")
    WRITE = "write", _("Write")
    MANAGE = "manage", _("Manage")

    @property
    def role(self) -> Role:
        """Return the role whose rights these are within the place."""
        return {Level.READ: Role.VIEWER, Level.WRITE: Role.EDITOR, Level.MANAGE: Role.ADMIN}[self]

    @property
    def at_least(self) -> list[str]:
        """Return the levels that allow as much."""
        return [each for each in Level if each.role.covers(self.role)]

    @classmethod
    def of(cls, role: Role) -> Level:
        """Return the level that a role has where its team's roles hold."""
        return {Role.VIEWER: cls.READ, Role.EDITOR: cls.WRITE}.get(role, cls.MANAGE)


def _roles(level: Level) -> list[str]:
    return [role for role in Role if role.covers(level.role)]


def grants_of(user: User) -> models.QuerySet[Grant]:
    """Return the grants to a person, by name or by a group they are in now."""
    groups = Group.objects.filter(members__membership__in=memberships_of(user)).values("pk")
    return Grant.objects.filter(Q(user=user) | Q(group__in=groups))


def library_allows(user: User, level: Level) -> Q:
    """Return the condition on libraries of the person's teams that their own rights give the level."""
    mine = memberships_of(user)
    own = Place.objects.filter(library=OuterRef("pk"), document=None, folder="")
    granted = grants_of(user).filter(
        place__library=OuterRef("pk"), place__document=None, place__folder="", level__in=level.at_least
    )
    return (
        Q(team__in=mine.filter(role__in=_roles(Level.MANAGE)).values("team"))
        | (Q(team__in=mine.filter(role__in=_roles(level)).values("team")) & ~Exists(own.filter(is_restricted=True)))
        | Exists(granted)
    )


class PlaceQuerySet(models.QuerySet["Place"]):
    """Sets of places."""

    def allowing(self, user: User, level: Level) -> PlaceQuerySet:
        """Return the places in libraries of the person's teams where they have at least the level."""
        mine = memberships_of(user)
        granted = grants_of(user).filter(level__in=level.at_least).order_by().values("place")
        return self.filter(
            Q(library__team__in=mine.filter(role__in=_roles(Level.MANAGE)).values("team"))
            | Q(is_open=True, library__team__in=mine.filter(role__in=_roles(level)).values("team"))
            | Q(counts__overlap=ArraySubquery(granted)),
            library__team__in=mine.values("team"),
        )


class Place(Record):
    """A library, one of its folders (with all below it) or one document, where rights differ from what is above.

    A restricted place cuts off what it would inherit: only grants at it and below it count there, and those who manage
    the team. Any other place adds its grants to what holds above it. `parent` is the nearest place above in the same
    library; None for the topmost. The place of the library itself has no folder and no document, and is its own row
    only where it is restricted or has grants.
    """

    library = models.ForeignKey("Library", on_delete=models.CASCADE, related_name="places")
    folder = models.CharField(max_length=1000, blank=True)
    document = models.OneToOneField(
        "Document", null=True, blank=True, on_delete=models.CASCADE, related_name="own_place"
    )
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    is_restricted = models.BooleanField(default=False)
    # Kept by `libraries.sharing`: itself and the places above it up to the nearest restricted one, whose grants hold
    # here; and whether none of them is restricted, so that the team's roles hold too.
    counts = ArrayField(models.UUIDField(), default=list, blank=True)
    is_open = models.BooleanField(default=True)
    changed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = PlaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["library", "folder"], condition=models.Q(document=None), name="place_folder_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.library}: {self.document or self.folder or '/'}"

    library_id: UUID
    document_id: UUID | None


class Grant(Record):
    """A level for one person or one group at a place."""

    place = models.ForeignKey(Place, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    level = models.CharField(max_length=10, choices=Level, default=Level.READ)
    granted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "user", "group"], nulls_distinct=False, name="grant_unique"),
            models.CheckConstraint(
                name="grant_names_one",
                condition=models.Q(user=None, group__isnull=False) | models.Q(user__isnull=False, group=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.level} at {self.place}"
