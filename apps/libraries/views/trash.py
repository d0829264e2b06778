"""The trash of a library: what was deleted, until it is removed for good."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.libraries import trash
from apps.libraries.access import access_part
from apps.libraries.models import Document, Level
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import CHANGED, head
from apps.users.models import Role
from apps.users.requests import PersonRequest

PAGE_ROWS = 50


@login_required
@require_safe
def trash_page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show what can be restored."""
    library = access_part(request.user, library_id)
    page = Paginator(trash.in_trash(request.user, library), PAGE_ROWS).get_page(request.GET.get("page"))
    rows = [(document, trash.days_left(document)) for document in page.object_list]
    context = head(request, library) | {"tab": "documents", "page": page, "rows": rows}
    return render(request, "libraries/trash.html", context)


@login_required
@require_POST
def trash_restore(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Bring back what was deleted at one moment: the undo of a bulk deletion."""
    library = access_part(request.user, library_id)
    moment = _moment(request.GET.get("at", ""))
    count = trash.restore_together(user=request.user, library=library, deleted_at=moment)
    text = ngettext("%(n)s document is back.", "%(n)s documents are back.", count)
    return toast(text % {"n": count}, then=CHANGED)


@login_required
@require_POST
def trash_remove(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Remove one deleted document, or all of them, for good; the name is typed, admins only."""
    library = access_part(request.user, library_id, at_least=Role.ADMIN)
    gone = Document.objects.allowing(request.user, Level.MANAGE).filter(library=library).exclude(deleted_at=None)
    wanted = library.name
    if "document" in request.POST:
        chosen = uuid_or_none(request.POST["document"])
        document = gone.filter(pk=chosen).first() if chosen else None
        if document is None:
            raise NotFound
        gone, wanted = gone.filter(pk=document.pk), document.name
    typed = request.POST.get("typed_name", "")
    count = trash.remove_for_good(user=request.user, library=library, documents=gone, typed=typed, wanted=wanted)
    text = ngettext("%(n)s document was removed for good.", "%(n)s documents were removed for good.", count)
    messages.success(request, text % {"n": count})
    return redirect("libraries:trash", library.pk)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NotFound
    return moment
