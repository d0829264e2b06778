"""Changes to the documents that are selected in a list, saved views, and names of folders."""

from collections.abc import Callable, Mapping
from datetime import date
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.libraries import documents as editing
from apps.libraries import folders, metadata, saved, trash
from apps.libraries.access import access_library, access_part
from apps.libraries.documents import Documents, Validity
from apps.libraries.errors import OwnerInvalid, ValidityInvalid
from apps.libraries.folders import paths
from apps.libraries.models import Document, Library
from apps.libraries.selection import listed, selected
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import CHANGED, rights
from apps.users.models import User
from apps.users.requests import PersonRequest

Act = Callable[[User, Library, Documents, QueryDict], HttpResponse]


@login_required
@require_POST
def bulk(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Carry out `action` on the selected documents; the note that answers says what happened."""
    library = access_part(request.user, library_id)
    act = ACTIONS.get(request.POST.get("action", ""))
    if act is None:
        raise NotFound
    return act(request.user, library, selected(request.user, library, request.POST), request.POST)


@login_required
@require_safe
def bulk_form(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return the form of one action as the content of a dialog."""
    library = access_part(request.user, library_id)
    kind = request.GET.get("kind", "")
    if kind not in FORMS:
        raise NotFound
    context = {"library": library, "kind": kind} | FORMS[kind](request.user, library)
    return render(request, "libraries/bulk_form.html", context)


def members(library: Library) -> list[User]:
    """Return who may own a document: the team's members."""
    people = User.objects.filter(memberships__team=library.team_id, is_active=True)
    return list(people.order_by("name", "email"))


def tags_of(user: User, library: Library) -> list[str]:
    """Return the tags in use, for suggestions."""
    rows = listed(user, library).exclude(tags=[]).values_list("tags", flat=True)[:2_000]
    return sorted({tag for tags in rows for tag in tags})[:300]


FORMS: Mapping[str, Callable[[User, Library], dict[str, object]]] = {
    "tag": lambda user, library: {"tags": tags_of(user, library)},
    "untag": lambda user, library: {"tags": tags_of(user, library)},
    "move": lambda user, library: {"folders": paths(listed(user, library))},
    "fields": lambda _user, library: {"fields": metadata.fields_of(library)},
    "validity": lambda _user, library: {"members": members(library)},
}


def _tag(user: User, library: Library, documents: Documents, form: QueryDict) -> HttpResponse:
    tags = editing.clean_tags(form.get("tags", ""))
    count = editing.add_tags(user=user, library=library, documents=documents, tags=tags)
    return _said(ngettext("%(n)s document tagged.", "%(n)s documents tagged.", count), count)


def _untag(user: User, library: Library, documents: Documents, form: QueryDict) -> HttpResponse:
    count = editing.remove_tag(user=user, library=library, documents=documents, tag=form.get("tag", ""))
    return _said(ngettext("The tag is off %(n)s document.", "The tag is off %(n)s documents.", count), count)


def _move(user: User, library: Library, documents: Documents, form: QueryDict) -> HttpResponse:
    count = editing.move(user=user, library=library, documents=documents, folder=form.get("folder", ""))
    return _said(ngettext("%(n)s document moved.", "%(n)s documents moved.", count), count)


def _enable(user: User, library: Library, documents: Documents, form: QueryDict) -> HttpResponse:
    is_on = form.get("action") == "enable"
    count = editing.set_enabled(user=user, library=library, documents=documents, is_enabled=is_on)
    if is_on:
        text = ngettext("%(n)s document is searched again.", "%(n)s documents are searched again.", count)
    else:
        text = ngettext("%(n)s document is no longer searched.", "%(n)s documents are no longer searched.", count)
    return _said(text, count)


def _fields(user: User, library: Library, documents: Documents, form: QueryDict) -> HttpResponse:
    given = {name.removeprefix("f."): value for name, value in form.items() if name.startswith("f.")}
    wanted = {key: str(value) for key, value in given.items() if form.get(f"set.{key}")}
    values = metadata.parse_all(metadata.fields_of(library), wanted)
    count = editing.set_fields(user=user, library=library, documents=documents, values=values) if values else 0
    return _said(ngettext("%(n)s document changed.", "%(n)s documents changed.", count), count)


def _validity(user: User, library: Library, documents: Documents, form: QueryDict) -> HttpResponse:
    count = documents.count()
    if form.get("set.dates"):
        editing.set_validity(user=user, library=library, documents=documents, validity=validity_of(form))
    if form.get("set.owner"):
        editing.set_owner(user=user, library=library, documents=documents, owner_id=owner_of(form))
    return _said(ngettext("%(n)s document changed.", "%(n)s documents changed.", count), count)


def _delete(user: User, library: Library, documents: Documents, _form: QueryDict) -> HttpResponse:
    first = documents.values_list("pk", flat=True)[0]
    count = trash.delete_documents(user=user, library=library, documents=documents)
    deleted_at = Document.objects.values_list("deleted_at", flat=True).get(pk=first)
    undo = reverse("libraries:trash-restore", args=[library.pk])
    when = urlencode({"at": deleted_at.isoformat() if deleted_at else ""})
    text = ngettext("%(n)s document deleted.", "%(n)s documents deleted.", count) % {"n": count}
    return toast(text, undo=f"{undo}?{when}", then=CHANGED)


ACTIONS: Mapping[str, Act] = {
    "tag": _tag,
    "untag": _untag,
    "move": _move,
    "enable": _enable,
    "disable": _enable,
    "fields": _fields,
    "validity": _validity,
    "delete": _delete,
}


def _said(text: str, count: int) -> HttpResponse:
    return toast(text % {"n": count}, then=CHANGED)


def validity_of(form: QueryDict) -> Validity:
    """Return the two dates of a form. Raises ValidityInvalid."""
    try:
        first, last = (
            date.fromisoformat(text) if (text := form.get(name, "").strip()) else None
            for name in ("valid_from", "valid_until")
        )
    except ValueError as error:
        raise ValidityInvalid from error
    return Validity(first, last)


def owner_of(form: QueryDict) -> UUID | None:
    """Return the owner that a form names, None for nobody. Raises OwnerInvalid."""
    text = form.get("owner", "").strip()
    owner = uuid_or_none(text) if text else None
    if text and owner is None:
        raise OwnerInvalid
    return owner


@login_required
@require_POST
def folder_rename(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Give a folder another name or place and show it there."""
    library = access_part(request.user, library_id)
    to = folders.clean_folder(request.POST.get("to", ""))
    folders.rename_folder(user=request.user, library=library, folder=request.POST.get("folder", ""), to=to)
    return _to_list(library, urlencode({"folder": to}) if to else "")


@login_required
@require_POST
def view_save(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Keep the filter shown under a name; sharing one takes an editor."""
    library = access_library(request.user, library_id)
    is_shared = bool(request.POST.get("is_shared")) and bool(rights(request, library)["may_edit"])
    name, query = request.POST.get("name", ""), request.POST.get("query", "")
    view = saved.save_view(user=request.user, library=library, name=name, query=query, is_shared=is_shared)
    return _to_list(library, view.query)


@login_required
@require_POST
def view_delete(request: PersonRequest, library_id: UUID, view_id: UUID) -> HttpResponse:
    """Forget a saved view."""
    library = access_library(request.user, library_id)
    may_manage = bool(rights(request, library)["may_manage"])
    saved.delete_view(user=request.user, library=library, view_id=view_id, may_manage=may_manage)
    return toast(_("The view was removed."), then=CHANGED)


def _to_list(library: Library, query: str) -> HttpResponse:
    address = reverse("libraries:library", args=[library.pk])
    return redirect(f"{address}?{query}" if query else address)
