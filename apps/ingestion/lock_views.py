"""The password of an encrypted file: asked for in the drawer, and given to the viewer that shows the file."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.errors import NotFound
from apps.ingestion import pages
from apps.ingestion.page_reads import password_of
from apps.libraries.access import access_document
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import CHANGED
from apps.users.models import Role
from apps.users.requests import PersonRequest


@login_required
@require_http_methods(["GET", "POST"])
def unlock(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Ask for the password of a file that did not open, then read it again."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    given = request.POST.get("password", "")
    if request.method == "GET" or not given:
        return render(request, "ingestion/unlock.html", {"document": document})
    pages.unlock(user=request.user, document=document, password=given)
    return toast(_("“%(name)s” is read again.") % {"name": document.name}, then=CHANGED)


@login_required
@require_GET
@never_cache
def password(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Give the viewer in the browser what opens a file that this person may read; 404 for a file without a password."""
    document = access_document(request.user, document_id)
    version = document.current_version
    secret = password_of(version) if version is not None else None
    if secret is None:
        raise NotFound
    return JsonResponse({"password": secret})
