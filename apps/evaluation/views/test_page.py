"""The search test of a library: a question, one or two settings, and what is found with them."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, NotFound, sentence_of
from apps.core.text import uuid_or_none
from apps.evaluation import differences, history, search_settings, set_services, testing
from apps.evaluation.access import access_set
from apps.evaluation.errors import SearchQuestionMissing
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.evaluation.search_filters import offered, parse_filters
from apps.evaluation.tasks import run_search_test
from apps.evaluation.testing import Test
from apps.ingestion.tasks import ring
from apps.libraries.access import access_chunk, access_library
from apps.libraries.explaining import member_named
from apps.libraries.models import Chunk, Library
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import head
from apps.rag.options import SearchSettings, stored_settings
from apps.rag.search import MAX_QUESTION_CHARS
from apps.users.models import Role, User
from apps.users.requests import PersonRequest

SIDES = ("a", "b")
PATIENCE_S = 12  # then the page says that the worker may be busy or loading
NEW_SET = "new"


@login_required
@require_safe
def search_test(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the form with the library's settings, or with those of an earlier test, which runs again; editors only."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    asked = uuid_or_none(request.GET.get("asked", ""))
    tried = history.again(library, asked) if asked else history.Again(request.GET.get("question", "")[:2_000])
    saved = search_settings.settings_of(library)
    sides = tried.sides or (saved,)
    name = request.GET.get("try", "")
    wanted = history.wanted_of(request.GET)
    context = head(request, library) | {
        "tab": "evaluation",
        "section": "test",
        "question": tried.question,
        "runs": bool(asked),
        "compares": len(sides) > 1 or bool(name),
        "tried": name,
        "sides": [_side(side, settings) for side, settings in zip(SIDES, (*sides, saved), strict=False)],
        "offered": offered(request.user, library, tried.filters),
        "most_chars": MAX_QUESTION_CHARS,
        "has_reranker": search_settings.has_reranker(),
        "wanted": wanted,
        "seen_as": _seen_as(request, library, request.GET.get("as", "")),
        "page": history.history(library, request.user, wanted, request.GET.get("page", "1")),
    }
    return render(request, "evaluation/test.html", context)


@login_required
@require_POST
def run(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Begin a search with the settings of the form; what comes back asks again until it is done."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    try:
        test = testing.ask(
            request.user,
            library,
            _question(request),
            _settings(request, library),
            parse_filters(request.POST),
            seen_as=_seen_as(request, library, request.POST.get("as", "")),
        )
    except AppError as error:
        return render(request, "evaluation/test_state.html", {"problem": error.sentence()}, status=422)
    ring(run_search_test, test.token)
    return _shown(request, library, test)


@login_required
@require_safe
def state(request: PersonRequest, library_id: UUID, test_id: UUID) -> HttpResponse:
    """Return a test as far as it is."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    return _shown(request, library, testing.find(request.user, library, test_id))


@login_required
@require_safe
def asked(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return a page of the questions that were asked in the library."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    wanted = history.wanted_of(request.GET)
    page = history.history(library, request.user, wanted, request.GET.get("page", "1"))
    return render(request, "evaluation/history.html", {"library": library, "wanted": wanted, "page": page})


@login_required
@require_POST
def add(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Add the question with the passages that answer it to a question set; none: the library does not answer it."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    chosen = [uuid_or_none(value) for value in request.POST.getlist("gold")]
    chunks = [access_chunk(request.user, chunk, at_least=Role.EDITOR) for chunk in dict.fromkeys(chosen) if chunk]
    gold: list[Chunk] = [chunk for chunk in chunks if chunk.library_id == library.pk]
    questions = _set(request, library)
    set_services.add_question(
        user=request.user,
        questions=questions,
        text=request.POST.get("question", ""),
        gold=gold,
        origin=SetQuestion.Origin.TEST,
    )
    return toast(_("Added to “%(name)s”.") % {"name": questions.name})


@login_required
@require_POST
def measure(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Offer the question sets that can be run with one side's settings."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    saved = search_settings.settings_of(library)
    side = "b" if request.POST.get("side") == "b" else "a"
    wanted = search_settings.parse(request.POST, saved, prefix=f"{side}-")
    ready = SetQuestion.objects.filter(state=SetQuestion.State.ACCEPTED).values("questions")
    context = {
        "library": library,
        "sets": set_services.sets_of(library).filter(pk__in=ready),
        "hidden": list(search_settings.hidden_of(wanted)),
        "changes": search_settings.changes(saved, wanted),
    }
    return render(request, "evaluation/measure.html", context)


def _set(request: PersonRequest, library: Library) -> QuestionSet:
    """Return the chosen set, or a new one. Raises SetNameMissing or SetNameTaken."""
    chosen = uuid_or_none(request.POST.get("set", ""))
    if chosen is not None:
        return access_set(request.user, library.pk, chosen)
    return set_services.create_set(user=request.user, library=library, name=request.POST.get("name", ""))


def _seen_as(request: PersonRequest, library: Library, named: str) -> User | None:
    """Return the member by whose rights is searched; only managers of the library may. Raises Forbidden, NotFound."""
    if not named:
        return None
    access_library(request.user, library.pk, at_least=Role.ADMIN)
    member = member_named(library, named)
    if member is None:
        raise NotFound
    return member


def _question(request: PersonRequest) -> str:
    question = request.POST.get("question", "").replace("\0", " ").strip()
    if not question or len(question) > MAX_QUESTION_CHARS:
        raise SearchQuestionMissing(limit=MAX_QUESTION_CHARS)
    return question


def _settings(request: PersonRequest, library: Library) -> Sequence[SearchSettings]:
    saved = search_settings.settings_of(library)
    sides = SIDES if request.POST.get("compare") == "on" else SIDES[:1]
    return [search_settings.parse(request.POST, saved, prefix=f"{side}-") for side in sides]


def _side(side: str, settings: SearchSettings) -> dict[str, object]:
    fields = search_settings.fields_of(settings, prefix=f"{side}-", without=search_settings.NOT_TESTED)
    return {"name": side, "letter": side.upper(), "fields": fields}


def _shown(request: PersonRequest, library: Library, test: Test) -> HttpResponse:
    rights = {"may_manage": head(request, library)["may_manage"]}
    context = rights | {
        "library": library,
        "test": test,
        "problem": sentence_of(test.error, test.params) if test.error else "",
        "is_late": not test.is_settled and test.waited_s > PATIENCE_S,
        "columns": _columns(test),
        "sets": set_services.sets_of(library) if test.state == "done" else (),
    }
    if len(test.outcomes) > 1:
        context["summary"] = differences.summary(test.outcomes[0].cards, test.outcomes[1].cards)
    return render(request, "evaluation/test_state.html", context)


def _columns(test: Test) -> list[dict[str, object]]:
    """Return each side's outcome with its moves against the other, its documents with counts, and its settings."""
    columns: list[dict[str, object]] = []
    for number, outcome in enumerate(test.outcomes):
        others = test.outcomes[1 - number].cards if len(test.outcomes) > 1 else outcome.cards
        columns.append(
            {
                "name": SIDES[number],
                "letter": SIDES[number].upper(),
                "outcome": outcome,
                "moves": differences.moves(outcome.cards, others),
                "documents": differences.documents(outcome.cards),
                "differs": search_settings.changes(SearchSettings(), stored_settings(test.sides[number])),
            }
        )
    return columns
