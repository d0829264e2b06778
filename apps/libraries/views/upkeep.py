"""Settings of a library for its documents: the fields it defines, the storage it takes."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.libraries import metadata, storage
from apps.libraries.access import access_library
from apps.libraries.errors import FieldsInvalid
from apps.libraries.metadata import FieldInput
from apps.libraries.views.shared import head
from apps.users.models import Role
from apps.users.requests import PersonRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def fields_page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show or change the fields that documents of the library have; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    problem = ""
    if request.method == "POST":
        try:
            metadata.save_fields(user=request.user, library=library, inputs=_inputs(request.POST))
        except FieldsInvalid as error:
            problem = error.sentence()
        else:
            messages.success(request, _("Saved."))
            return redirect("libraries:fields", library.pk)
    context = head(request, library) | {
        "tab": "settings",
        "section": "fields",
        "fields": _inputs(request.POST) if problem else _shown(metadata.fields_of(library)),
        "types": metadata.TYPE_NAMES.items(),
        "blank": FieldInput("", "", "text", ""),
        "problem": problem,
    }
    return render(request, "libraries/fields.html", context, status=400 if problem else 200)


def _inputs(form: QueryDict) -> list[FieldInput]:
    columns = (form.getlist(name) for name in ("key", "label", "type", "choices"))
    return [FieldInput(*row) for row in zip(*columns, strict=False)]


def _shown(fields: tuple[metadata.Field, ...]) -> list[FieldInput]:
    return [FieldInput(field.key, field.label, field.type, ", ".join(field.choices)) for field in fields]


@login_required
@require_safe
def storage_page(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show what the library takes up; admins only."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    used = storage.usage(library)
    parts = [
        (_("Originals"), used.originals, _("The files as they were uploaded, all versions, the trash included.")),
        (_("Parsed text"), used.parsed, _("What was read from them, for the document pages.")),
        (_("Pictures"), used.figures, _("Cut out of documents.")),
        (_("Passages"), used.passages, _("The text that is searched and quoted.")),
        (_("Vectors"), used.vectors, _("The meaning of each passage, for search.")),
        (_("Word index"), used.lexical, _("The words of each passage, for search.")),
    ]
    context = head(request, library) | {
        "tab": "settings",
        "section": "storage",
        "usage": used,
        "parts": parts,
        "biggest": storage.biggest(request.user, library),
    }
    return render(request, "libraries/storage.html", context)
