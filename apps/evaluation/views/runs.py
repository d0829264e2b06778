"""Runs of a question set: started, followed, looked at question by question, compared, exported."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.downloads import download
from apps.core.errors import AppError, NotFound
from apps.core.text import uuid_or_none
from apps.evaluation import alarms, comparing, exporting, run_overview, runs, search_settings
from apps.evaluation.access import access_run, access_set
from apps.evaluation.models import QuestionSet, Run, RunResult
from apps.evaluation.runs import Settings
from apps.evaluation.set_errors import RunsDiffer
from apps.evaluation.tasks import work_runs
from apps.evaluation.views.sets import context_of
from apps.ingestion.tasks import ring
from apps.rag.options import SearchSettings
from apps.users.requests import PersonRequest

PAGE_ROWS = 25
TWO = 2


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def run_list(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Show the runs of a set and how its measures went, or start another run."""
    questions = access_set(request.user, library_id, set_id)
    if request.method == "POST":
        try:
            run = _start(request, questions)
        except AppError as error:
            messages.error(request, error.sentence())
            return redirect("evaluation:set", library_id, set_id)
        return redirect("evaluation:run", library_id, run.pk)
    every = Run.objects.filter(questions=questions).select_related("started_by")
    page = Paginator(every, PAGE_ROWS).get_page(request.GET.get("page"))
    plots = [run_overview.timeline(questions, kind) for kind in Run.Kind]
    context = context_of(request, questions) | {"page": page, "plots": [plot for plot in plots if plot.plot.lines]}
    return render(request, "evaluation/runs.html", context)


def _start(request: PersonRequest, questions: QuestionSet) -> Run:
    kind = Run.Kind.ANSWERS if request.POST.get("kind") == Run.Kind.ANSWERS else Run.Kind.RETRIEVAL
    mode = request.POST.get("mode", "auto")
    base = search_settings.settings_of(questions.library)
    chosen = search_settings.parse(request.POST, base) if request.POST.get("own") == "on" else base
    run = runs.start(
        user=request.user,
        questions=questions,
        kind=kind,
        chosen=Settings(chosen, mode if mode in runs.MODES else "auto"),
        label=request.POST.get("label", ""),
    )
    ring(work_runs)
    return run


@login_required
@require_safe
def run_page(request: PersonRequest, library_id: UUID, run_id: UUID) -> HttpResponse:
    """Show what came of a run."""
    run = access_run(request.user, library_id, run_id)
    return render(request, "evaluation/run.html", _page(request, run))


@login_required
@require_safe
def run_state(request: PersonRequest, library_id: UUID, run_id: UUID) -> HttpResponse:
    """Return how far a run is; loads the page anew once it is settled."""
    run = access_run(request.user, library_id, run_id)
    if run.state not in Run.LIVE:
        return HttpResponse(status=200, headers={"HX-Refresh": "true"})
    return render(request, "evaluation/run_state.html", {"run": run, "library": run.questions.library})


def _page(request: PersonRequest, run: Run) -> dict[str, object]:
    against = alarms.baseline_of(run) if run.state == Run.State.DONE else None
    chosen = request.GET.get("show", "all")
    found = run_overview.results_of(run, chosen)
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    return context_of(request, run.questions) | {
        "run": run,
        "against": against,
        "figures": run_overview.figures(run, against),
        "settings": search_settings.changes(SearchSettings(), Settings.stored(run.settings).search),
        "chips": run_overview.chips(run),
        "show": chosen,
        "page": page,
        "curve": run_overview.curve(run, against),
        "times": run_overview.times(run),
        "falls": run_overview.falls(run),
    }


@login_required
@require_safe
def result(request: PersonRequest, library_id: UUID, run_id: UUID, number: int) -> HttpResponse:
    """Return one question's ranking and answer, for the drawer."""
    run = access_run(request.user, library_id, run_id)
    found = RunResult.objects.filter(run=run, pk=number).first()
    if found is None:
        raise NotFound
    context = {"run": run, "library": run.questions.library, "result": found, "row": run_overview.row_of(found)}
    return render(request, "evaluation/result.html", context)


@login_required
@require_POST
def stop(request: PersonRequest, library_id: UUID, run_id: UUID) -> HttpResponse:
    """Stop a run; what is measured stays."""
    run = access_run(request.user, library_id, run_id)
    runs.stop(run=run)
    return redirect("evaluation:run", library_id, run_id)


@login_required
@require_POST
def go_on(request: PersonRequest, library_id: UUID, run_id: UUID) -> HttpResponse:
    """Go on with a stopped or failed run."""
    run = access_run(request.user, library_id, run_id)
    try:
        if runs.go_on(run=run):
            ring(work_runs)
    except AppError as error:
        messages.error(request, error.sentence())
    return redirect("evaluation:run", library_id, run_id)


@login_required
@require_POST
def baseline(request: PersonRequest, library_id: UUID, run_id: UUID) -> HttpResponse:
    """Measure later runs against this one, or against the one before each again."""
    run = access_run(request.user, library_id, run_id)
    if run.state == Run.State.DONE:
        now = None if run.questions.baseline_id == run.pk else run
        QuestionSet.objects.filter(pk=run.questions_id).update(baseline=now)
        text = _("Later runs are compared with this one.") if now else _("Each run is compared with the one before it.")
        messages.success(request, text)
    return redirect("evaluation:run", library_id, run_id)


@login_required
@require_POST
def delete(request: PersonRequest, library_id: UUID, run_id: UUID) -> HttpResponse:
    """Remove a run with its results."""
    run = access_run(request.user, library_id, run_id)
    run.delete()
    messages.success(request, _("The run was deleted."))
    return redirect("evaluation:runs", library_id, run.questions_id)


@login_required
@require_POST
def noted(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Take note of the alarms of a set."""
    questions = access_set(request.user, library_id, set_id)
    alarms.take_note(questions)
    return redirect("evaluation:runs", library_id, set_id)


@login_required
@require_safe
def export(request: PersonRequest, library_id: UUID, run_id: UUID) -> StreamingHttpResponse:
    """Return the results of a run as CSV."""
    run = access_run(request.user, library_id, run_id)
    name = f"{slugify(run.questions.name) or 'run'}-{run.created_at:%Y-%m-%d-%H%M}.csv"
    return download(exporting.results_csv(run), name, "text/csv")


@login_required
@require_safe
def compare(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Show two runs of a set question by question; the earlier one is what the later one is measured against."""
    questions = access_set(request.user, library_id, set_id)
    chosen = [key for value in request.GET.getlist("run")[:TWO] if (key := uuid_or_none(value))]
    if request.GET.get("swap") == "on":
        chosen.reverse()
    before, after = _two(questions, chosen)
    found = comparing.compare(before, after, measure=request.GET.get("by", ""))
    show = request.GET.get("show", "changed")
    rows = [row for row in found.rows if show in {"all", row.verdict} or (show == "changed" and row.verdict != "same")]
    page = Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page"))
    context = context_of(request, questions) | {
        "before": before,
        "after": after,
        "comparison": found,
        "changes": run_overview.changes_of(found),
        "differences": run_overview.differences_of(found),
        "show": show,
        "by": request.GET.get("by", ""),
        "chips": run_overview.verdict_chips(found),
        "page": page,
        "rows": [run_overview.compared(row) for row in page.object_list],
        "curve": run_overview.curve(after, before),
        "address": reverse("evaluation:compare", args=[library_id, set_id]),
    }
    return render(request, "evaluation/compare.html", context)


def _two(questions: QuestionSet, chosen: Sequence[UUID]) -> tuple[Run, Run]:
    """Return two runs in the order of `chosen`. Raises RunsDiffer."""
    found = {run.pk: run for run in Run.objects.filter(questions=questions, pk__in=chosen)}
    if len(found) != TWO:
        raise RunsDiffer
    first, second = (found[key] for key in chosen)
    return first, second
