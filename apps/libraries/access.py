"""The gates of this app: no library, document or chunk is loaded for a person in any other way."""

from uuid import UUID

from apps.core.errors import Forbidden, NotFound
from apps.libraries.models import Chunk, CuratedAnswer, Document, Library
from apps.users.access import role_in
from apps.users.models import Role, User


def _require(user: User, team_id: UUID, at_least: Role) -> None:
    role = role_in(user, team_id)
    if role is None:
        raise NotFound
    if not role.covers(at_least):
        raise Forbidden


def access_library(user: User, library_id: UUID, *, at_least: Role = Role.VIEWER) -> Library:
    """Return a library of one of the person's teams; raises NotFound, or Forbidden for too low a role."""
    library = Library.objects.readable_by(user).select_related("team").filter(pk=library_id).first()
    if library is None:
        raise NotFound
    _require(user, library.team_id, at_least)
    return library


def access_document(user: User, document_id: UUID, *, at_least: Role = Role.VIEWER, deleted: bool = False) -> Document:
    """Return a document of a readable library; with `deleted`, one that can still be restored."""
    documents = Document.objects.filter(library__in=Library.objects.readable_by(user))
    if not deleted:
        documents = documents.filter(deleted_at=None)
    document = documents.select_related("library__team", "current_version").filter(pk=document_id).first()
    if document is None:
        raise NotFound
    _require(user, document.library.team_id, at_least)
    return document


def access_chunk(user: User, chunk_id: UUID, *, at_least: Role = Role.VIEWER) -> Chunk:
    """Return a chunk of a readable document; raises NotFound, or Forbidden for too low a role."""
    chunk = (
        Chunk.objects.filter(document__in=Document.objects.readable_by(user))
        .select_related("document__library__team", "version")
        .filter(pk=chunk_id)
        .first()
    )
    if chunk is None:
        raise NotFound
    _require(user, chunk.document.library.team_id, at_least)
    return chunk


def access_curated(
    user: User, curated_id: UUID, *, at_least: Role = Role.VIEWER, deleted: bool = False
) -> CuratedAnswer:
    """Return a curated answer of a readable library; with `deleted`, one that can still be restored.

    Raises NotFound, or Forbidden for too low a role.
    """
    rows = CuratedAnswer.objects.filter(library__in=Library.objects.readable_by(user))
    if not deleted:
        rows = rows.filter(deleted_at=None)
    curated = rows.select_related("library__team", "updated_by", "created_by").filter(pk=curated_id).first()
    if curated is None:
        raise NotFound
    _require(user, curated.library.team_id, at_least)
    return curated
