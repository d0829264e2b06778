"""The gates of this app: no library, document or chunk is loaded for a person in any other way."""

from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.core.errors import Forbidden, NotFound
from apps.libraries.errors import PartsHidden
from apps.libraries.models import Chunk, CuratedAnswer, Document, Level, Library, Place
from apps.libraries.rights import folder_level, rights_in
from apps.users.models import Role, User


def access_library(user: User, library_id: UUID, *, at_least: Role = Role.VIEWER) -> Library:
    """Return a library in which the person may read something; raises NotFound, or Forbidden for too low a right.

    The right is that of the library itself. Some of its documents may be hidden all the same: those that are shown go
    through `Document.objects.readable_by`.
    """
    library = Library.objects.readable_by(user).select_related("team").filter(pk=library_id).first()
    if library is None:
        raise NotFound
    if at_least != Role.VIEWER and not _allows(library, user, at_least):
        raise Forbidden
    return library


def access_whole_library(user: User, library_id: UUID, *, at_least: Role = Role.EDITOR) -> Library:
    """Return a library of which the person may read everything: for pages that speak of all that is in it.

    Raises NotFound, Forbidden for too low a right, and PartsHidden where something in it is not for them.
    """
    library = access_library(user, library_id, at_least=at_least)
    hidden = Place.objects.filter(library=library).exclude(pk__in=Place.objects.allowing(user, Level.READ).values("pk"))
    if not _allows(library, user, Role.VIEWER) or hidden.exists():
        raise PartsHidden
    return library


def access_part(user: User, library_id: UUID, *, at_least: Role = Role.EDITOR) -> Library:
    """Return a library for somebody who has the right in it or in any part of it: what they may change is theirs alone.

    Raises NotFound or Forbidden.
    """
    library = access_library(user, library_id)
    rights = rights_in(user, [library.pk])
    levels = [rights.libraries.get(library.pk), *(right.level for right in rights.places.values())]
    if not any(level and level.role.covers(at_least) for level in levels):
        raise Forbidden
    return library


def access_shared_library(user: User, library_id: UUID) -> Library:
    """Return a library that is itself shared with the person, not only some of its parts."""
    library = access_library(user, library_id)
    if not _allows(library, user, Role.VIEWER):
        raise Forbidden
    return library


def access_folder(user: User, library_id: UUID, folder: str, *, at_least: Role = Role.EDITOR) -> Library:
    """Return the library for somebody who has the right in one of its folders, or at its top for "".

    The rights are resolved once, by plain ids: each upload comes through here.
    """
    rights = rights_in(user, [library_id])
    library = Library.objects.select_related("team").filter(pk__in=rights.library_ids, deleted_at=None).first()
    if library is None:
        raise NotFound
    level = folder_level(rights, library.pk, folder)
    if level is None or not level.role.covers(at_least):
        raise Forbidden
    return library


def access_document(user: User, document_id: UUID, *, at_least: Role = Role.VIEWER, deleted: bool = False) -> Document:
    """Return a document that the person may read; with `deleted`, one that can still be restored too."""
    documents = Document.objects.allowing(user, Level.READ)
    if not deleted:
        documents = documents.filter(deleted_at=None)
    document = documents.select_related("library__team", "current_version").filter(pk=document_id).first()
    if document is None:
        raise NotFound
    require(user, document, at_least)
    return document


def access_chunk(user: User, chunk_id: UUID, *, at_least: Role = Role.VIEWER) -> Chunk:
    """Return a chunk of a readable document; raises NotFound, or Forbidden for too low a right."""
    readable = Document.objects.readable_by(user).filter(pk=OuterRef("document"))
    chunk = (
        Chunk.objects.filter(Exists(readable))
        .select_related("document__library__team", "version")
        .filter(pk=chunk_id)
        .first()
    )
    if chunk is None:
        raise NotFound
    require(user, chunk.document, at_least)
    return chunk


def access_curated(
    user: User, curated_id: UUID, *, at_least: Role = Role.VIEWER, deleted: bool = False
) -> CuratedAnswer:
    """Return a curated answer of a library that is shared with the person; with `deleted`, a restorable one too.

    Raises NotFound, or Forbidden for too low a right.
    """
    rows = CuratedAnswer.objects.filter(library__in=Library.objects.allowing(user, Level.READ))
    if not deleted:
        rows = rows.filter(deleted_at=None)
    curated = rows.select_related("library__team", "updated_by", "created_by").filter(pk=curated_id).first()
    if curated is None:
        raise NotFound
    if at_least != Role.VIEWER and not _allows(curated.library, user, at_least):
        raise Forbidden
    return curated


def require(user: User, document: Document, at_least: Role) -> None:
    """Raise Forbidden unless the person has the right for a document that they may read."""
    if at_least == Role.VIEWER:
        return
    if not Document.objects.allowing(user, Level.of(at_least)).filter(pk=document.pk).exists():
        raise Forbidden


def _allows(library: Library, user: User, at_least: Role) -> bool:
    return Library.objects.allowing(user, Level.of(at_least)).filter(pk=library.pk).exists()
