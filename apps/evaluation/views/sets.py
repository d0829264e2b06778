"""Question sets of a library: the list, one set with its questions, import and export."""

from collections.abc import Callable, Iterable
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.downloads import download
from apps.core.errors import AppError
from apps.core.text import uuid_or_none
from apps.evaluation import drafting, exporting, importing, search_settings, set_overview, set_services
from apps.evaluation.access import access_set, access_sets
from apps.evaluation.models import QuestionSet, Run
from apps.evaluation.set_errors import ImportUnreadable
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import head
from apps.users.requests import PersonRequest

PAGE_ROWS = 25
SETS_CHANGED = "kb:sets"
QUESTIONS_CHANGED = "kb:questions"
PERCENT = 100


def context_of(request: PersonRequest, questions: QuestionSet) -> dict[str, object]:
    """Return what every page of a set shows."""
    counts = set_overview.counts_of(questions)
    context = head(request, questions.library) | {"tab": "evaluation", "section": "sets", "set": questions}
    return context | {"counts": counts, "alarms": set_overview.alarms_of(questions)}


@login_required
@require_safe
def set_list(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the sets of a library with how the last runs went."""
    library = access_sets(request.user, library_id)
    gone = uuid_or_none(request.GET.get("deleted", ""))
    deleted = QuestionSet.objects.filter(library=library, pk=gone).exclude(deleted_at=None).first() if gone else None
    context = head(request, library) | {"tab": "evaluation", "section": "sets", "rows": set_overview.rows(library)}
    return render(request, "evaluation/sets.html", context | {"deleted": deleted})


@login_required
@require_POST
def create(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Create a set and go there."""
    library = access_sets(request.user, library_id)
    made = set_services.create_set(
        user=request.user,
        library=library,
        name=request.POST.get("name", ""),
        description=request.POST.get("description", ""),
    )
    return _go(request, reverse("evaluation:set", args=[library.pk, made.pk]))


@login_required
@require_safe
def set_page(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Show the questions of a set."""
    questions = access_set(request.user, library_id, set_id)
    return render(request, "evaluation/set.html", _page(request, questions))


@login_required
@require_safe
def question_list(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Return the list of questions alone, as the filter wants it."""
    questions = access_set(request.user, library_id, set_id)
    return render(request, "evaluation/set_questions.html", _page(request, questions) | {"is_swap": True})


def _page(request: PersonRequest, questions: QuestionSet) -> dict[str, object]:
    chosen = request.GET.get("show", "all")
    chosen = chosen if chosen in set_overview.FILTERS else "all"
    words = request.GET.get("q", "").strip()[:200]
    found = set_overview.questions_of(questions, chosen, words)
    page = Paginator(found, PAGE_ROWS).get_page(request.GET.get("page"))
    settings = search_settings.settings_of(questions.library)
    return context_of(request, questions) | {
        "page": page,
        "show": chosen,
        "q": words,
        "prefix": f"?{urlencode({'show': chosen, 'q': words})}&",
        "filters": set_overview.chips(questions),
        "drafting": drafting.find(questions),
        "fields": search_settings.fields_of(settings),
        "has_reranker": search_settings.has_reranker(),
        "chat": set_overview.chat_model(),
        "kinds": Run.Kind.choices,
        "live": Run.objects.filter(questions=questions, state__in=Run.LIVE).first(),
    }


@login_required
@require_POST
def change(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Change name, description, the nightly run and what counts as a fall."""
    questions = access_set(request.user, library_id, set_id)
    drop = request.POST.get("alarm_drop", "")
    set_services.change_set(
        user=request.user,
        questions=questions,
        name=request.POST.get("name", ""),
        description=request.POST.get("description", ""),
        is_nightly=request.POST.get("is_nightly") == "on",
        alarm_drop=int(drop) / PERCENT if drop.isdecimal() and len(drop) <= len("100") else questions.alarm_drop,
    )
    messages.success(request, _("Saved."))
    return _go(request, reverse("evaluation:set", args=[library_id, set_id]))


@login_required
@require_POST
def delete(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Delete a set; the list offers to undo it."""
    questions = access_set(request.user, library_id, set_id)
    set_services.delete_set(user=request.user, questions=questions)
    return redirect(reverse("evaluation:sets", args=[library_id]) + f"?deleted={set_id}")


@login_required
@require_POST
def restore(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Bring a deleted set back."""
    questions = access_set(request.user, library_id, set_id, deleted=True)
    set_services.restore_set(user=request.user, questions=questions)
    return toast(_("“%(name)s” is back.") % {"name": questions.name}, then=SETS_CHANGED)


@login_required
@require_POST
def drafts(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Accept or delete all drafts of a set."""
    questions = access_set(request.user, library_id, set_id)
    rows = set_overview.questions_of(questions, "draft", "")
    if request.POST.get("action") == "delete":
        count = set_services.delete_questions(rows)
        text = ngettext("%(n)s draft was deleted.", "%(n)s drafts were deleted.", count)
    else:
        count = set_services.accept(rows)
        text = ngettext("%(n)s draft was accepted.", "%(n)s drafts were accepted.", count)
    return toast(text % {"n": count}, then=QUESTIONS_CHANGED)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Ask for a file, and show what importing it would do."""
    questions = access_set(request.user, library_id, set_id)
    context = context_of(request, questions) | {"limit_mib": importing.MOST_MIB, "limit": importing.MOST_LINES}
    if request.method != "POST":
        return render(request, "evaluation/import.html", context)
    try:
        file = request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            raise ImportUnreadable
        data = file.read(importing.MOST_MIB * 1024 * 1024 + 1)
        shown = importing.preview(user=request.user, questions=questions, name=file.name or "", data=data)
    except AppError as error:
        return render(request, "evaluation/import.html", context | {"problem": error.sentence()}, status=error.status)
    return render(request, "evaluation/import.html", context | {"preview": shown})


@login_required
@require_POST
def import_go(request: PersonRequest, library_id: UUID, set_id: UUID, preview_id: UUID) -> HttpResponse:
    """Import what the preview showed."""
    questions = access_set(request.user, library_id, set_id)
    shown = importing.find(user=request.user, questions=questions, token=preview_id)
    count = importing.carry_out(user=request.user, questions=questions, shown=shown)
    text = ngettext("%(n)s question was imported.", "%(n)s questions were imported.", count)
    messages.success(request, text % {"n": count})
    return redirect("evaluation:set", library_id, set_id)


@login_required
@require_safe
def template(request: PersonRequest, library_id: UUID) -> StreamingHttpResponse:
    """Return an empty CSV with the columns of an import."""
    access_sets(request.user, library_id)
    return download([exporting.template_csv()], "questions.csv", "text/csv")


@login_required
@require_safe
def export(request: PersonRequest, library_id: UUID, set_id: UUID) -> StreamingHttpResponse:
    """Return the set as CSV, or as JSONL with `?format=jsonl`."""
    questions = access_set(request.user, library_id, set_id)
    is_jsonl = request.GET.get("format") == "jsonl"
    write: Callable[..., Iterable[str]] = exporting.questions_jsonl if is_jsonl else exporting.questions_csv
    rows = set_overview.questions_of(questions, "accepted", "")
    ending, media = ("jsonl", "application/jsonl") if is_jsonl else ("csv", "text/csv")
    return download(write(rows), f"{slugify(questions.name) or 'questions'}.{ending}", media)


def _go(request: PersonRequest, address: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=200, headers={"HX-Redirect": address})
    return redirect(address)
