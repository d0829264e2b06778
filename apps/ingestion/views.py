"""Uploads, and buttons on the reading of a document."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.uploading import lacked_space
from apps.ingestion import services
from apps.ingestion.errors import NoFile, StorageFull
from apps.libraries.access import access_document, access_folder
from apps.libraries.folders import clean_folder
from apps.libraries.views.libraries import CHANGED
from apps.libraries.views.responses import toast
from apps.users.models import Role
from apps.users.requests import PersonRequest

STATUS = {"created": 201, "duplicate": 200, "restored": 200, "retried": 200}


@login_required
@require_POST
def upload(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Store one file: the field `file`, with `name` and `folder` as dropped (a file's own name has no folder)."""
    folder = clean_folder(request.POST.get("folder", ""))
    library = access_folder(request.user, library_id, folder)
    file = request.FILES.get("file")
    if file is None:
        raise StorageFull if lacked_space(request) else NoFile
    name = request.POST.get("name") or file.name or ""
    done = services.take_upload(user=request.user, library=library, file=file, name=name, folder=folder)
    document = done.document
    body = {"id": str(document.pk), "name": document.name, "status": document.status, "outcome": done.outcome}
    return JsonResponse(body, status=STATUS[done.outcome])


@login_required
@require_POST
def retry(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Read a failed or cancelled document again."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    services.retry(user=request.user, document=document)
    return toast(_("“%(name)s” is read again.") % {"name": document.name}, then=CHANGED)


@login_required
@require_POST
def cancel(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Stop the reading of a document."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    services.cancel(user=request.user, document=document)
    return toast(_("Reading of “%(name)s” stops.") % {"name": document.name}, then=CHANGED)
