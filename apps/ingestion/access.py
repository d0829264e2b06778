"""The gates of web sources and jobs: none is loaded for a person in any other way."""

from uuid import UUID

from apps.core.errors import NotFound
from apps.ingestion.models import IngestionJob, WebSource
from apps.libraries.access import access_document, access_library
from apps.libraries.models import Document, Library
from apps.users.models import Role, User


def access_web_source(user: User, source_id: UUID, *, at_least: Role = Role.EDITOR) -> WebSource:
    """Return a source of a readable library; raises NotFound, or Forbidden for too low a role."""
    readable = WebSource.objects.filter(library__in=Library.objects.readable_by(user))
    source = readable.select_related("library__team").filter(pk=source_id).first()
    if source is None:
        raise NotFound
    access_library(user, source.library_id, at_least=at_least)
    return source


def access_job(user: User, job_id: UUID, *, at_least: Role = Role.VIEWER) -> IngestionJob:
    """Return a job of a readable document; raises NotFound, or Forbidden for too low a role."""
    jobs = IngestionJob.objects.filter(document__in=Document.objects.readable_by(user))
    job = jobs.select_related("document__library__team", "document__uploaded_by", "version").filter(pk=job_id).first()
    if job is None:
        raise NotFound
    access_document(user, job.document_id, at_least=at_least)
    return job
