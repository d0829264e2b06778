"""Pages of jobs: the bell and its list, a library's jobs, the log sheet of one, and the buttons on them."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import Forbidden, NotFound
from apps.ingestion import controls, overview
from apps.ingestion.access import access_job
from apps.ingestion.models import IngestionJob
from apps.libraries.access import access_document, access_library
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import head, rights_of
from apps.users.access import access_team
from apps.users.models import Role
from apps.users.requests import PersonRequest

PAGE_ROWS = 50
CHANGED = "kb:jobs"  # the event on which the bell and the list of jobs load themselves again


@login_required
@require_safe
def bell(request: PersonRequest) -> HttpResponse:
    """Return the bell with its counts; asked every few seconds while something is under way."""
    return render(request, "ingestion/bell.html", {"bell": overview.bell(request.user, request.team), "is_swap": True})


@login_required
@require_safe
def bell_list(request: PersonRequest) -> HttpResponse:
    """Return what the bell's popover lists."""
    context = {
        "bell": overview.bell(request.user, request.team),
        "jobs": overview.bell_list(request.user, request.team),
        "may_edit": request.role is not None and request.role.covers(Role.EDITOR),
    }
    return render(request, "ingestion/bell_list.html", context)


@login_required
@require_POST
def clear(request: PersonRequest) -> HttpResponse:
    """Forget the failures of the current team in the bell."""
    if request.team is None:
        raise Forbidden
    access = access_team(request.user, request.team.pk, at_least=Role.EDITOR)
    controls.clear_failed(user=request.user, team=access.team)
    return toast(_("The failures are cleared. The documents keep their state."), then=CHANGED)


@login_required
@require_safe
def jobs(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show a library's jobs; `?state=` filters, `?part=list` returns the list alone."""
    library = access_library(request.user, library_id)
    chosen = request.GET.get("state", "all")
    if chosen not in overview.FILTERS:
        raise NotFound
    counts = overview.counts(request.user, library)
    page = Paginator(overview.library_jobs(request.user, library, chosen), PAGE_ROWS).get_page(request.GET.get("page"))
    context = head(request, library) | {
        "tab": "jobs",
        "counts": counts,
        "chips": [(name, counts.by_filter.get(name, 0)) for name in overview.FILTERS],
        "chosen": chosen,
        "page": page,
        "rows": overview.rows(library, list(page.object_list)),
    }
    template = "ingestion/jobs_list.html" if request.GET.get("part") == "list" else "ingestion/jobs.html"
    return render(request, template, context)


@login_required
@require_safe
def job(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """Return the log sheet of a job, for the drawer."""
    return _sheet(request, access_job(request.user, job_id))


@login_required
@require_safe
def log(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Return the log sheet of a document's last job, for the drawer."""
    document = access_document(request.user, document_id)
    last = IngestionJob.objects.filter(document=document).order_by("-created_at", "-pk").first()
    if last is None:
        raise NotFound
    return _sheet(request, access_job(request.user, last.pk))


def _sheet(request: PersonRequest, shown: IngestionJob) -> HttpResponse:
    document = shown.document
    context = {
        "row": overview.rows(document.library, [shown])[0],
        "job": shown,
        "document": document,
        "may_edit": rights_of(request, document)["may_edit"],
        "may_see_log": request.user.is_superuser,  # a traceback names files of the machine
    }
    return render(request, "ingestion/job.html", context)


@login_required
@require_POST
def pause(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Let the library's queued jobs wait."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    controls.pause(user=request.user, library=library)
    return toast(_("Reading is paused. What is being read now goes on to the end of its step."), then=CHANGED)


@login_required
@require_POST
def resume(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Let the library's jobs go on."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    controls.resume(user=request.user, library=library)
    return toast(_("Reading goes on."), then=CHANGED)


@login_required
@require_POST
def retry_failed(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Read every failed document of the library again."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    count = controls.retry_failed(user=request.user, library=library)
    words = ngettext("%(count)s document is read again.", "%(count)s documents are read again.", count)
    return toast(words % {"count": count}, then=CHANGED)
