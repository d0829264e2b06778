"""Who may read, write and manage what: places with rights of their own, and the grants there."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record
from apps.libraries.models.documents import Document, Library
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


class Place(Record):
    """A library, one of its folders (with all below it) or one document, where rights differ from what is above.

    A restricted place cuts off what it would inherit: only grants at it and below it count there, and those who manage
    the team. Any other place adds its grants to what holds above it. `parent` is the nearest place above in the same
    library; None for the topmost. The place of the library itself has no folder and no document, and is its own row
    only where it is restricted or has grants.
    """

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="places")
    folder = models.CharField(max_length=1000, blank=True)
    document = models.OneToOneField(Document, null=True, blank=True, on_delete=models.CASCADE, related_name="own_place")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children")
    is_restricted = models.BooleanField(default=False)
    changed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["library", "folder"], condition=models.Q(document=None), name="place_folder_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.library}: {self.document or self.folder or '/'}"


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
