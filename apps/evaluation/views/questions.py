"""The questions of a set: written and changed in place, their passages found by a search, drafted, taken from chats."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import AppError, sentence_of
from apps.evaluation import chat_questions, drafting, picking, set_services
from apps.evaluation.access import access_question, access_set, access_sets
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.evaluation.set_errors import GoldInvalid
from apps.evaluation.tasks import draft_questions, find_passages
from apps.evaluation.views.sets import QUESTIONS_CHANGED, context_of
from apps.ingestion.tasks import ring
from apps.libraries.views.responses import toast
from apps.users.requests import PersonRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Show the form of a new question, or add it."""
    questions = access_set(request.user, library_id, set_id)
    if request.method != "POST":
        return _form(request, questions, None)
    text, answers, gold, note = _sent(request)
    try:
        set_services.add_question(
            user=request.user, questions=questions, text=text, answers=answers, gold=gold, note=note
        )
    except AppError as error:
        return _form(request, questions, None, error=error)
    return toast(_("The question is in the set."), then=QUESTIONS_CHANGED)


@login_required
@require_safe
def row(request: PersonRequest, library_id: UUID, question_id: UUID) -> HttpResponse:
    """Return one question as the list shows it."""
    return _row(request, access_question(request.user, library_id, question_id))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PersonRequest, library_id: UUID, question_id: UUID) -> HttpResponse:
    """Show the form of a question in its place, or change it."""
    question = access_question(request.user, library_id, question_id)
    if request.method != "POST":
        return _form(request, question.questions, question)
    text, answers, gold, note = _sent(request)
    try:
        set_services.change_question(question=question, text=text, answers=answers, gold=gold, note=note)
    except AppError as error:
        return _form(request, question.questions, question, error=error)
    return _row(request, question)


@login_required
@require_POST
def accept(request: PersonRequest, library_id: UUID, question_id: UUID) -> HttpResponse:
    """Accept a draft."""
    question = access_question(request.user, library_id, question_id)
    set_services.accept(SetQuestion.objects.filter(pk=question.pk))
    question.refresh_from_db()
    return _row(request, question)


@login_required
@require_POST
def delete(request: PersonRequest, library_id: UUID, question_id: UUID) -> HttpResponse:
    """Delete a question; the note offers to undo it."""
    question = access_question(request.user, library_id, question_id)
    set_services.delete_questions(SetQuestion.objects.filter(pk=question.pk))
    undo = reverse("evaluation:question-restore", args=[library_id, question_id])
    return toast(_("The question was deleted."), undo=undo)


@login_required
@require_POST
def restore(request: PersonRequest, library_id: UUID, question_id: UUID) -> HttpResponse:
    """Bring a deleted question back."""
    question = access_question(request.user, library_id, question_id)
    set_services.restore_question(question)
    return toast(_("The question is back."), then=QUESTIONS_CHANGED)


@login_required
@require_POST
def pick(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Begin to search passages for a question."""
    library = access_sets(request.user, library_id)
    query = request.POST.get("query", "") or request.POST.get("text", "")
    if not query.strip():
        return HttpResponse("")
    search = picking.ask(request.user, library, query)
    ring(find_passages, search.token)
    return render(request, "evaluation/picked.html", {"library": library, "search": search})


@login_required
@require_safe
def picked(request: PersonRequest, library_id: UUID, preview_id: UUID) -> HttpResponse:
    """Return what was found, as soon as it is."""
    library = access_sets(request.user, library_id)
    search = picking.find(request.user, library, preview_id)
    problem = sentence_of(search.error, {}) if search.error else ""
    documents = list({choice.document: choice for choice in search.choices}.values())
    context = {"library": library, "search": search, "problem": problem, "documents": documents}
    return render(request, "evaluation/picked.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Begin to draft questions, or return how far that is."""
    questions = access_set(request.user, library_id, set_id)
    problem = ""
    if request.method == "POST":
        way, wanted = request.POST.get("way", "rule"), request.POST.get("wanted", "")
        try:
            drafting.ask(
                user=request.user,
                questions=questions,
                way="model" if way == "model" else "rule",
                wanted=int(wanted) if wanted.isdecimal() and len(wanted) <= len("99") else 10,
            )
            ring(draft_questions, str(questions.pk))
        except AppError as error:
            problem = error.sentence()
    return _drafting(request, questions, problem)


@login_required
@require_POST
def draft_stop(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Stop drafting."""
    questions = access_set(request.user, library_id, set_id)
    drafting.stop(questions)
    return _drafting(request, questions)


def _drafting(request: PersonRequest, questions: QuestionSet, problem: str = "") -> HttpResponse:
    state = drafting.find(questions)
    context = {"library": questions.library, "set": questions, "drafting": state, "problem": problem}
    if state is not None and state.error:
        context["problem"] = sentence_of(state.error, {})
    response = render(request, "evaluation/drafting.html", context)
    if state is not None and (state.made or not state.is_live):
        response["HX-Trigger-After-Settle"] = json.dumps({QUESTIONS_CHANGED: True})
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def chats(request: PersonRequest, library_id: UUID, set_id: UUID) -> HttpResponse:
    """Show what was asked, one's own chats with their sources, others' as bare questions; or take some of it."""
    questions = access_set(request.user, library_id, set_id)
    source = "asked" if request.GET.get("from") == "asked" else "mine"
    taken = None
    if request.method == "POST":
        taken = chat_questions.take(
            user=request.user, questions=questions, source=source, keys=request.POST.getlist("question")[:200]
        )
    context = context_of(request, questions) | {
        "source": source,
        "offers": chat_questions.offers(user=request.user, questions=questions, source=source),
        "taken": _taken(taken),
    }
    return render(request, "evaluation/chats.html", context)


def _taken(count: int | None) -> str:
    if count is None:
        return ""
    text = ngettext("%(n)s question is in the set as a draft.", "%(n)s questions are in the set as drafts.", count)
    return text % {"n": count}


def _row(request: PersonRequest, question: SetQuestion) -> HttpResponse:
    context = {"library": question.questions.library, "set": question.questions, "question": question}
    return render(request, "evaluation/set_question.html", context)


def _form(
    request: PersonRequest, questions: QuestionSet, question: SetQuestion | None, *, error: AppError | None = None
) -> HttpResponse:
    gold: Sequence[dict[str, str]] = question.gold if question else []
    values: dict[str, Any] = {
        "text": question.text if question else "",
        "answers": "\n".join(question.answers) if question else "",
        "note": question.note if question else "",
    }
    if error is not None:
        values = {name: request.POST.get(name, "") for name in values}
        gold = [entry for raw in request.POST.getlist("gold") if (entry := _entry(raw))]
    context = {
        "library": questions.library,
        "set": questions,
        "question": question,
        "values": values,
        "gold": gold,
        "problem": error.sentence() if error else "",
        "limits": {"text": set_services.TEXT_MAX},
    }
    page = "evaluation/question_edit.html" if question else "evaluation/question_form.html"
    return render(request, page, context, status=422 if error else 200)


def _sent(request: PersonRequest) -> tuple[str, list[str], list[dict[str, str]], str]:
    """Return text, answers, gold and note of the form. Raises GoldInvalid."""
    gold = []
    for raw in request.POST.getlist("gold"):
        entry = _entry(raw)
        if entry is None:
            raise GoldInvalid(limit=set_services.MOST_GOLD)
        gold.append(entry)
    post = request.POST
    return post.get("text", ""), post.get("answers", "").splitlines(), gold, post.get("note", "")


def _entry(raw: str) -> dict[str, str] | None:
    """Return a gold passage as the form sends it; None for what the form never sends."""
    try:
        values = json.loads(raw)
        entry = {key: str(values[key]) for key in ("document", "name", "quote")}
        UUID(entry["document"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return entry
