"""Sharing: who may read, write and manage a library, a folder or a document, why, and what somebody sees of it."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.core.errors import Forbidden, NotFound
from apps.core.text import uuid_or_none
from apps.libraries import explaining, sharing
from apps.libraries.access import access_document, access_folder, access_library
from apps.libraries.errors import FolderUnknown, GranteeUnknown
from apps.libraries.filters import in_folder
from apps.libraries.folders import clean_folder
from apps.libraries.models import Document, Level, Library, Place
from apps.libraries.sharing import Grantee, Spot
from apps.libraries.views.shared import head
from apps.users.models import Group, Membership, Role, User
from apps.users.requests import PersonRequest

OFFERED = 300  # names that the field for people offers; any other is typed
PAGE_ROWS = 50
ACTS = ("grant", "revoke", "restrict", "open")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def library_sharing(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show or change the rights of a library, or with `folder` of one of its folders; for who manages them."""
    given = request.POST if request.method == "POST" else request.GET
    folder = clean_folder(given.get("folder", ""))
    library = access_folder(request.user, library_id, folder, at_least=Role.ADMIN)
    if folder and not _exists(library, folder):
        raise FolderUnknown
    address = reverse("libraries:sharing", args=[library.pk])
    return _sharing(request, Spot(library, folder), address)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def document_sharing(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Show or change the rights of one document; for who manages it."""
    document = access_document(request.user, document_id, at_least=Role.ADMIN)
    address = reverse("libraries:document-sharing", args=[document.pk])
    return _sharing(request, Spot(document.library, document.folder, document), address)


def _exists(library: Library, folder: str) -> bool:
    has_documents = Document.objects.filter(in_folder(folder), library=library).exists()
    return has_documents or Place.objects.filter(library=library, document=None, folder=folder).exists()


def _sharing(request: PersonRequest, spot: Spot, address: str) -> HttpResponse:
    if request.method == "POST":
        act(request.user, spot, request.POST)
        if not _still_manages(request.user, spot):
            return HttpResponse(headers={"HX-Redirect": reverse("libraries:list")})
        if not request.headers.get("HX-Request"):
            where = "" if spot.document or not spot.folder else "?" + urlencode({"folder": spot.folder})
            return redirect(address + where)
    context = _panel(request, spot) | {"address": address}
    template = "libraries/sharing_panel.html" if request.headers.get("HX-Request") else "libraries/sharing.html"
    if template == "libraries/sharing.html":
        context = head(request, spot.library) | context
    return render(request, template, context)


def act(user: User, spot: Spot, form: QueryDict) -> None:
    """Carry out what a form asks for. Raises NotFound for an unknown act, GranteeUnknown."""
    wanted = form.get("act", "")
    if wanted not in ACTS:
        raise NotFound
    if wanted in ("restrict", "open"):
        sharing.restrict(user=user, spot=spot, is_restricted=wanted == "restrict")
        return
    to = _grantee(spot.library, form)
    if wanted == "revoke":
        sharing.revoke(user=user, spot=spot, to=to)
        return
    level = form.get("level", Level.READ.value)
    if level not in Level.values:
        raise NotFound
    sharing.grant(user=user, spot=spot, to=to, level=Level(level))


def _grantee(library: Library, form: QueryDict) -> Grantee:
    """Return whom a form names: a group by its id or name, a member by id or e-mail. Raises GranteeUnknown."""
    groups = Group.objects.filter(team=library.team_id)
    group_id = uuid_or_none(form.get("group", ""))
    named = form.get("to", "").replace("\x00", "").strip()
    found: Grantee | None = None
    if group_id is not None:
        found = groups.filter(pk=group_id).first()
    elif "user" in form:
        found = explaining.member_named(library, str(form["user"]))
    elif named:
        found = explaining.member_named(library, named) or groups.filter(name__iexact=named).first()
    if found is None:
        raise GranteeUnknown
    return found


def _still_manages(user: User, spot: Spot) -> bool:
    try:
        if spot.document is not None:
            access_document(user, spot.document.pk, at_least=Role.ADMIN)
        else:
            access_folder(user, spot.library.pk, spot.folder, at_least=Role.ADMIN)
    except (Forbidden, NotFound):
        return False
    return True


def _panel(request: PersonRequest, spot: Spot) -> dict[str, object]:
    rungs = explaining.rungs_of(spot)
    readers = explaining.readers_of(rungs, spot.library)
    person = request.GET.get("person", "").strip()
    user = explaining.member_named(spot.library, person) if person else None
    return {
        "library": spot.library,
        "document": spot.document,
        "spot": spot,
        "own": rungs[0],
        "above": rungs[1:],
        "is_restricted": rungs[0].cuts,
        "is_cut_above": any(rung.cuts for rung in rungs[1:]),
        "readers": readers[: explaining.SHOWN],
        "reader_count": len(readers),
        "levels": Level.choices,
        "groups": Group.objects.filter(team=spot.library.team_id),
        "members": _members(spot.library),
        "person": person,
        "verdict": explaining.explain(spot, user) if user else None,
        "tab": "settings",
        "section": "sharing",
    }


def _members(library: Library) -> list[User]:
    rows = Membership.objects.live().filter(team=library.team_id).select_related("user").order_by("user__email")
    return [row.user for row in rows[:OFFERED]]


@login_required
@require_safe
def see_as(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show what a member may read of a library, of what the manager who asks may read."""
    library = access_library(request.user, library_id, at_least=Role.ADMIN)
    person = request.GET.get("person", "").strip()
    user = explaining.member_named(library, person) if person else None
    mine = Document.objects.readable_by(request.user).filter(library=library)
    theirs = Document.objects.readable_by(user).filter(library=library) if user else Document.objects.none()
    both = mine.filter(pk__in=theirs.values("pk")).select_related("place").order_by("folder", "name", "pk")
    page = Paginator(both, PAGE_ROWS).get_page(request.GET.get("page"))
    context = head(request, library) | {
        "tab": "settings",
        "section": "as",
        "members": _members(library),
        "person": person,
        "seen_as": user,
        "page": page,
        "hidden": mine.count() - page.paginator.count if user else 0,
        "prefix": "?" + urlencode({"person": person}) + "&",
    }
    return render(request, "libraries/see_as.html", context)
