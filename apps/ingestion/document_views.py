"""New bytes for a document, going back to an earlier version, a new name, and reading a selection again."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apps.core.errors import NotFound
from apps.core.uploading import lacked_space
from apps.ingestion import replacing, rereading
from apps.ingestion.errors import NoFile, StorageFull
from apps.libraries.access import access_document, access_part
from apps.libraries.selection import selected
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import CHANGED
from apps.users.models import Role
from apps.users.requests import PersonRequest


@login_required
@require_POST
def replace(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Store new bytes for a document: the field `file`, with `name` and `note`."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    file = request.FILES.get("file")
    if file is None:
        raise StorageFull if lacked_space(request) else NoFile
    name, note = request.POST.get("name") or file.name or "", request.POST.get("note", "")
    done = replacing.replace_upload(user=request.user, document=document, file=file, name=name, note=note)
    if request.headers.get("HX-Request"):
        return _told(document_id, done.outcome)
    body = {"id": str(document.pk), "name": document.name, "version": done.version.number, "outcome": done.outcome}
    return JsonResponse(body, status=201 if done.outcome == "replaced" else 200)


def _told(document_id: UUID, outcome: replacing.Outcome) -> HttpResponse:
    if outcome == "same":
        return toast(_("The file is the same as the last version; nothing was changed."))
    address = reverse("libraries:versions", args=[document_id])
    return HttpResponse(status=200, headers={"HX-Redirect": address})


@login_required
@require_POST
def version_restore(request: PersonRequest, document_id: UUID, version_id: UUID) -> HttpResponse:
    """Make an earlier version the document's again."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    version = document.versions.filter(pk=version_id).first()
    if version is None:
        raise NotFound
    done = replacing.restore_version(user=request.user, document=document, version=version)
    return _told(document_id, done.outcome)


@login_required
@require_POST
def rename(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Give a document another name."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    rereading.rename(user=request.user, document=document, name=request.POST.get("name", ""))
    return toast(_("Renamed to “%(name)s”.") % {"name": document.name}, then=CHANGED)


@login_required
@require_POST
def reread(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Read the selected documents again."""
    library = access_part(request.user, library_id)
    documents = selected(request.user, library, request.POST)
    count = rereading.read_again(user=request.user, library=library, documents=documents)
    text = ngettext("%(n)s document is read again.", "%(n)s documents are read again.", count)
    return toast(text % {"n": count}, then=CHANGED)
