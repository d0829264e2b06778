"""What people do with libraries and documents; every write is one transaction and leaves an audit event."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.core.text import one_line
from apps.libraries import sharing
from apps.libraries.errors import NameMissing, NameTaken, TypedNameDiffers
from apps.libraries.models import Library
from apps.libraries.trash import delete_document, restore_document
from apps.libraries.versions import store_version
from apps.users.models import Team, User

__all__ = [
    "create_library",
    "delete_document",
    "delete_library",
    "describe_library",
    "rename_library",
    "restore_document",
    "store_version",
]
NAME_MAX = 100
DESCRIPTION_MAX = 500


@transaction.atomic
def create_library(
    *, user: User | None, team: Team, name: str, description: str = "", is_restricted: bool = False
) -> Library:
    """Create a library of a team, for all of it or for its maker and whom they choose.

    Raises NameMissing, or NameTaken within the team.
    """
    name = _clean_name(name)
    try:
        with transaction.atomic():
            library = Library.objects.create(
                team=team, name=name, description=one_line(description)[:DESCRIPTION_MAX], created_by=user
            )
    except IntegrityError as error:
        raise NameTaken(name=name) from error
    audit.record("library.created", actor=user, team=team, target=library, detail={"name": name})
    if is_restricted and user is not None:
        sharing.restrict(user=user, spot=sharing.Spot(library), is_restricted=True)
    return library


@transaction.atomic
def rename_library(*, user: User, library: Library, name: str) -> Library:
    """Give the library another name. Raises NameMissing or NameTaken."""
    name, before = _clean_name(name), library.name
    if name == before:
        return library
    try:
        with transaction.atomic():
            Library.objects.filter(pk=library.pk).update(name=name, updated_at=timezone.now())
    except IntegrityError as error:
        raise NameTaken(name=name) from error
    library.name = name
    audit.record("library.renamed", actor=user, team=library.team, target=library, detail={"from": before, "to": name})
    return library


@transaction.atomic
def describe_library(*, user: User, library: Library, description: str) -> Library:
    """Change the library's one-line description."""
    text = one_line(description)[:DESCRIPTION_MAX]
    if text == library.description:
        return library
    library.description = text
    library.save(update_fields=["description", "updated_at"])
    audit.record("library.described", actor=user, team=library.team, target=library)
    return library


@transaction.atomic
def delete_library(*, user: User, library: Library, typed_name: str) -> None:
    """Hide the library at once and leave its removal to the purge. Raises TypedNameDiffers."""
    if typed_name.strip() != library.name:
        raise TypedNameDiffers
    Library.objects.filter(pk=library.pk, deleted_at=None).update(deleted_at=timezone.now())
    audit.record("library.deleted", actor=user, team=library.team, target=library, detail={"name": library.name})


def restorable_since() -> datetime:
    """Return the time before which a deletion is final."""
    return timezone.now() - timedelta(days=settings.ENV.undo_days)


def _clean_name(name: str) -> str:
    text = one_line(name)
    if not text or len(text) > NAME_MAX:
        raise NameMissing
    return text
