"""What people do with pages and locks: read some pages again by other settings, give the password of a file."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

from django.db import transaction

from apps.audit import services as audit
from apps.core import crypto
from apps.ingestion import jobs
from apps.ingestion.errors import NotLocked, StillReading
from apps.ingestion.models import IngestionJob
from apps.ingestion.page_reads import place
from apps.ingestion.parsers.types import PageSetting
from apps.ingestion.tasks import read_document, ring
from apps.libraries.models import Document, DocumentVersion
from apps.users.models import User

LOCKED = frozenset({"encrypted", "wrong-password"})  # the codes of files that a password may open
MAX_PASSWORD_CHARS = 500


def reread(*, document: Document, pages: Mapping[int, PageSetting], user: User) -> IngestionJob:
    """Queue the reading of some pages by other settings, which stay with them. Raises StillReading.

    The rest of the document is not recognised again, and only chunks that change are embedded again.
    """
    chosen = {str(number): asdict(setting) for number, setting in pages.items()}
    with transaction.atomic():
        locked = Document.objects.select_for_update(no_key=True).get(pk=document.pk)
        version = locked.versions.order_by("-number").first()
        if version is None or not locked.is_settled:
            raise StillReading
        job = jobs.queue(document, version, kind=IngestionJob.Kind.PAGES, options={"pages": chosen})
        if job is None:
            raise StillReading
        detail = {"pages": ", ".join(map(str, sorted(pages)[:50]))}
        audit.record("document.pages-reread", actor=user, team=document.library.team, target=document, detail=detail)
        transaction.on_commit(partial(ring, read_document, str(job.pk)))
    return job


def unlock(*, user: User, document: Document, password: str) -> IngestionJob:
    """Keep the password of an encrypted file, sealed, and read the file again. Raises NotLocked or StillReading."""
    with transaction.atomic():
        locked = Document.objects.select_for_update(no_key=True).get(pk=document.pk)
        version = locked.versions.order_by("-number").first()
        if version is None or locked.error_code not in LOCKED:
            raise NotLocked
        sealed = crypto.seal(password[:MAX_PASSWORD_CHARS], place=place(version))
        DocumentVersion.objects.filter(pk=version.pk).update(password=sealed)
        job = jobs.queue(document, version)
        if job is None:
            raise StillReading
        audit.record("document.unlocked", actor=user, team=document.library.team, target=document)
        transaction.on_commit(partial(ring, read_document, str(job.pk)))
    return job
