"""The prompt assistant's panel: a theme is asked, waited for, shown as a difference, or not wanted any more."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError, sentence_of
from apps.images.assistant import choosing, mailbox, words
from apps.images.assistant.differences import counts, difference
from apps.images.assistant.mailbox import Letter, Theme
from apps.images.assistant_tasks import ring
from apps.images.views.shared import team_of
from apps.users.requests import PersonRequest


@require_safe
@login_required
def panel(request: PersonRequest) -> HttpResponse:
    """Return the form: the theme, the model that writes, what the person never wants."""
    team = team_of(request)
    context = {"writers": choosing.models_of(request.user, team), "own": words.words_of(request.user, team)}
    return render(request, "images/assistant/form.html", context)


@require_POST
@login_required
def ask(request: PersonRequest) -> HttpResponse:
    """Put a theme down; return what waits for it, or why it is not taken."""
    team = team_of(request)
    asked = request.POST
    if "own" in asked:
        words.keep(request.user, team, asked["own"])
    theme = Theme(
        text=asked.get("theme", ""),
        image_model=asked.get("image_model", ""),
        chat_model=asked.get("chat_model", ""),
        old_prompt=asked.get("old_prompt", ""),
        old_negative=asked.get("old_negative", ""),
    )
    try:
        wish = mailbox.ask(request.user, team, theme, ring)
    except AppError as error:
        return _problem(request, error.sentence(), error.status)
    return _shown(request, Letter(wish))


@never_cache
@require_safe
@login_required
def letter(request: PersonRequest, wish_id: UUID) -> HttpResponse:
    """Return what became of the person's own theme."""
    return _shown(request, mailbox.look(request.user, wish_id))


@require_POST
@login_required
def stop(request: PersonRequest, wish_id: UUID) -> HttpResponse:
    """Wait no longer."""
    mailbox.give_up(request.user, wish_id)
    return HttpResponse()


def _shown(request: HttpRequest, found: Letter) -> HttpResponse:
    if found.written is None:
        if found.error:
            return _problem(request, sentence_of(found.error, found.params))
        return render(request, "images/assistant/waiting.html", {"wish": found.wish})
    pairs = [(found.wish.old_prompt, found.written.prompt), (found.wish.old_negative, found.written.negative)]
    prompt, negative = (difference(old, new) for old, new in pairs)
    context = {
        "wish": found.wish,
        "written": found.written,
        "prompt_runs": prompt,
        "prompt_counts": counts(prompt),
        "negative_runs": negative,
        "negative_counts": counts(negative),
    }
    return render(request, "images/assistant/written.html", context)


def _problem(request: HttpRequest, sentence: str, status: int = 200) -> HttpResponse:
    context = {"problem": sentence}
    return render(request, "images/assistant/problem.html", context, status=min(status, 422))
