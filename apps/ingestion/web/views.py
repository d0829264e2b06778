"""A library's web sources: the list, one source with its pages, and what people do with them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.ingestion.access import access_web_source
from apps.ingestion.models import WebPage, WebSource
from apps.ingestion.web import services
from apps.ingestion.web.errors import AddressInvalid, AddressMissing, AlreadyVisiting, TooManyAddresses
from apps.ingestion.web.forms import WebSourceForm, form_of
from apps.libraries.access import access_library
from apps.libraries.models import Library
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import head
from apps.users.models import Role
from apps.users.requests import PersonRequest

PAGE_ROWS = 100
CHANGED = "kb:web"  # the event on which the sources are shown anew
_STATES = WebPage.State.choices
_WRONG = (AddressInvalid, AddressMissing, TooManyAddresses)


@dataclass(frozen=True, slots=True)
class Counted:
    """A source with how many of its pages ended how, in the visit that is on or was the last."""

    source: WebSource
    states: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Return the number of pages that are known."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """Return the number of pages that do not wait."""
        return self.total - self.states.get(WebPage.State.WAITING, 0)

    @property
    def kept(self) -> int:
        """Return the number of pages that are documents as they should be."""
        return sum(
            self.states.get(state, 0) for state in (WebPage.State.NEW, WebPage.State.CHANGED, WebPage.State.SAME)
        )

    @property
    def failed(self) -> int:
        """Return the number of pages that could not be read."""
        return self.states.get(WebPage.State.FAILED, 0)


@login_required
@require_safe
def sources(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show a library's web sources; with `?part=` only the list, for a page that asks again."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    counted = _counted(WebSource.objects.filter(library=library).select_related("created_by"))
    context = _head(request, library) | {
        "sources": counted,
        "is_live": any(one.source.is_live for one in counted),
        "form": WebSourceForm(),
    }
    template = "ingestion/web/list.html" if "part" in request.GET else "ingestion/web/sources.html"
    return render(request, template, context)


@login_required
@require_POST
def create(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Add a source and show it."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    form = WebSourceForm(request.POST)
    if form.is_valid():
        try:
            source = services.add_source(user=request.user, library=library, plan=form.plan)
        except _WRONG as error:
            form.add_error("urls", error.sentence())
        else:
            return _go(request, source)
    action = reverse("ingestion:web-create", args=[library.pk])
    return _form(request, form, {"action": action, "heading": _("Add from the web"), "verb": _("Add")})


@login_required
@require_safe
def source(request: PersonRequest, source_id: UUID) -> HttpResponse:
    """Show one source and how the visit of each of its pages ended; `?state=` shows those alone."""
    found = access_web_source(request.user, source_id)
    counted = _counted([found])[0]
    state = request.GET.get("state", "")
    pages = WebPage.objects.filter(source=found).select_related("document")
    if state in WebPage.State.values:
        pages = pages.filter(state=state)
    context = _head(request, found.library) | {
        "counted": counted,
        "source": found,
        "state": state,
        "states": [(value, label, counted.states[value]) for value, label in _STATES if value in counted.states],
        "page": Paginator(pages.order_by("depth", "pk"), PAGE_ROWS).get_page(request.GET.get("page")),
        "form": form_of(found),
        "is_live": found.is_live,
    }
    template = "ingestion/web/pages.html" if "part" in request.GET else "ingestion/web/source.html"
    return render(request, template, context)


@login_required
@require_POST
def change(request: PersonRequest, source_id: UUID) -> HttpResponse:
    """Change a source and visit it again."""
    found = access_web_source(request.user, source_id)
    form = WebSourceForm(request.POST)
    if form.is_valid():
        try:
            services.change_source(user=request.user, source=found, plan=form.plan)
        except (*_WRONG, AlreadyVisiting) as error:
            form.add_error("urls", error.sentence())
        else:
            return _go(request, found)
    action = reverse("ingestion:web-change", args=[found.pk])
    return _form(request, form, {"action": action, "heading": _("Change the web source"), "verb": _("Save and visit")})


@login_required
@require_POST
def visit(request: PersonRequest, source_id: UUID) -> HttpResponse:
    """Visit a source now."""
    found = access_web_source(request.user, source_id)
    services.visit_now(user=request.user, source=found)
    return toast(_("The source is visited again."), then=CHANGED)


@login_required
@require_POST
def stop(request: PersonRequest, source_id: UUID) -> HttpResponse:
    """Stop a visit."""
    found = access_web_source(request.user, source_id)
    services.stop_visit(user=request.user, source=found)
    return toast(_("The visit stops before its next page."), then=CHANGED)


@login_required
@require_POST
def remove(request: PersonRequest, source_id: UUID) -> HttpResponse:
    """Forget a source; its documents stay."""
    found = access_web_source(request.user, source_id)
    library_id = found.library_id
    services.remove_source(user=request.user, source=found)
    messages.success(request, _("The web source was removed. Its documents stay."))
    return redirect("ingestion:web", library_id)


def _counted(sources: Iterable[WebSource]) -> list[Counted]:
    rows = list(sources)
    counts: dict[UUID, dict[str, int]] = {row.pk: {} for row in rows}
    grouped = WebPage.objects.filter(source__in=rows, is_sitemap=False).order_by()
    for source_id, state, n in grouped.values_list("source", "state").annotate(n=Count("pk")):
        counts[source_id][state] = n
    return [Counted(row, counts[row.pk]) for row in rows]


def _head(request: PersonRequest, library: Library) -> dict[str, object]:
    return head(request, library) | {"tab": "web"}


def _form(request: HttpRequest, form: WebSourceForm, words: dict[str, str]) -> HttpResponse:
    status = 422 if request.headers.get("HX-Request") else 400
    return render(request, "ingestion/web/form.html", words | {"form": form}, status=status)


def _go(request: HttpRequest, source: WebSource) -> HttpResponse:
    address = reverse("ingestion:web-source", args=[source.pk])
    if request.headers.get("HX-Request"):
        return HttpResponse(status=200, headers={"HX-Redirect": address})
    return redirect(address)
