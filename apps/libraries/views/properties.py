"""What a person knows about one document: tags, fields, owner, validity, folder; and what waits for its owner."""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.libraries import documents as editing
from apps.libraries import metadata
from apps.libraries.access import access_document
from apps.libraries.documents import Validity
from apps.libraries.folders import clean_folder, paths
from apps.libraries.models import Document
from apps.libraries.selection import listed
from apps.libraries.validity import to_review
from apps.libraries.views.organise import members, owner_of, tags_of, validity_of
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import CHANGED, rights_of
from apps.users.models import Role, User
from apps.users.requests import PersonRequest

PAGE_ROWS = 50
YEAR = timedelta(days=365)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def properties(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Show or change the properties of a document, in the drawer."""
    if request.method == "POST":
        document = access_document(request.user, document_id, at_least=Role.EDITOR)
        _change(request.user, document, request.POST)
        return toast(_("Saved."), then=CHANGED)
    document = access_document(request.user, document_id)
    library = document.library
    fields = metadata.fields_of(library)
    context = rights_of(request, document) | {
        "document": document,
        "library": library,
        "fields": [(field, document.metadata.get(field.key, "")) for field in fields],
        "members": members(library),
        "folders": paths(listed(request.user, library)),
        "tags": tags_of(request.user, library),
    }
    return render(request, "libraries/properties.html", context)


@transaction.atomic
def _change(user: User, document: Document, form: QueryDict) -> None:
    library = document.library
    only = Document.objects.filter(pk=document.pk)
    fields = metadata.fields_of(library)
    raw = {name.removeprefix("f."): str(value) for name, value in form.items() if name.startswith("f.")}
    values = metadata.parse_all(fields, raw)
    tags, validity, owner = editing.clean_tags(form.get("tags", "")), validity_of(form), owner_of(form)
    folder = clean_folder(form.get("folder", ""))
    if folder != document.folder:
        editing.move(user=user, library=library, documents=only, folder=folder)
    if tags != document.tags:
        editing.set_tags(user=user, document=document, tags=tags)
    if {key: value for key, value in values.items() if document.metadata.get(key) != value}:
        editing.set_fields(user=user, library=library, documents=only, values=values)
    if (validity.valid_from, validity.valid_until) != (document.valid_from, document.valid_until):
        editing.set_validity(user=user, library=library, documents=only, validity=validity)
    if owner != document.owner_id:
        editing.set_owner(user=user, library=library, documents=only, owner_id=owner)


@login_required
@require_safe
def reviews(request: PersonRequest) -> HttpResponse:
    """Show the person's own documents that expire soon or have expired."""
    page = Paginator(to_review(request.user), PAGE_ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "documents": page.object_list, "today": timezone.localdate()}
    return render(request, "libraries/reviews.html", context)


@login_required
@require_POST
def reviewed(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Let a reviewed document be valid for another year, from today or from its last day, whichever is later."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    only = Document.objects.filter(pk=document.pk)
    last = max(timezone.localdate(), document.valid_until or timezone.localdate()) + YEAR
    validity = Validity(document.valid_from, last)
    editing.set_validity(user=request.user, library=document.library, documents=only, validity=validity)
    return toast(_("“%(name)s” is valid for another year.") % {"name": document.name}, then=CHANGED)
