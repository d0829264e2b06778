"""The page on which a team's admins keep its pictures in order: rules, reports, styles, word lists."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.core.errors import NotFound
from apps.core.text import one_line, typed
from apps.images import checking, files, policies, policy_trials, reports
from apps.images.models import ImagePolicy, Style, WordList
from apps.images.policy_forms import PolicyForm, StyleForm, WordListForm
from apps.users.access import TeamAccess, access_team
from apps.users.requests import PersonRequest
from apps.users.team_page import team_page

INVALID = 422
DELETED = "deleted_image_rule"  # in the session: what was deleted last
DELETED_FIELDS = {"Style": ("name", "prompt", "negative", "settings"), "WordList": ("name", "words")}


def _access(request: PersonRequest, team_id: UUID) -> TeamAccess:
    return access_team(request.user, team_id, may=policies.MAY)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show all of it, and set the team's rules."""
    access = _access(request, team_id)
    policy = policies.policy_of(access.team)
    form = PolicyForm(request.POST if request.method == "POST" else None, instance=policy)
    if request.method == "POST" and form.is_valid():
        policies.set_policy(user=request.user, access=access, said=form.cleaned_data)
        messages.success(request, _("The rules hold from now on."))
        return redirect("team_images:page", team_id)
    return _page(request, access, form)


def _page(
    request: PersonRequest, access: TeamAccess, form: PolicyForm, *, style: StyleForm | None = None,
    words: WordListForm | None = None,
) -> HttpResponse:  # fmt: skip
    models = _models(access)
    forms = (form, style, words)
    return team_page(
        request,
        access,
        "images",
        "images/team.html",
        status=INVALID if any(each is not None and each.errors for each in forms) else 200,
        form=form,
        installation=ImagePolicy.objects.filter(team=None).first(),
        has_checker=checking.is_available(),
        reports=reports.reports_of(access),
        deleted=deleted_in(request, access),
        styles=[
            (row, StyleForm(instance=row, models=models, auto_id=f"style-{row.pk}-%s"))
            for row in policies.styles_of(access)
        ],
        word_lists=[
            (row, WordListForm(instance=row, auto_id=f"words-{row.pk}-%s")) for row in policies.word_lists_of(access)
        ],
        new_style=style or StyleForm(models=models, auto_id="style-new-%s"),
        new_words=words or WordListForm(auto_id="words-new-%s"),
    )


def _models(access: TeamAccess) -> dict[str, str]:
    rows = usable_models(AIModel.Kind.IMAGE, team_id=access.team.pk)
    return {row.name: row.title for row in rows}


@login_required
@require_POST
def try_words(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Say whether the words of the form, not kept yet, refuse a prompt."""
    _access(request, team_id)
    return tried(request, in_team=True)


def tried(request: PersonRequest, *, in_team: bool) -> HttpResponse:
    """Return what became of the posted prompt under the posted words."""
    said = request.POST
    trial = policy_trials.try_prompt(said.get("prompt", ""), said.get("blocked_words", ""), in_team=in_team)
    return render(request, "images/parts/word_trial.html", {"trial": trial})


@login_required
@require_safe
def mark(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show how the words of the form look on a picture."""
    access = _access(request, team_id)
    return marked(request, access.team.name)


def marked(request: PersonRequest, name: str) -> HttpResponse:
    """Return the preview of the asked words; the name stands for none."""
    words = one_line(typed(request.GET.get("watermark", ""))) or name
    return render(request, "images/parts/mark_preview.html", {"source": policy_trials.mark_preview(words)})


@login_required
@require_POST
def style(request: PersonRequest, team_id: UUID, style_id: UUID | None = None) -> HttpResponse:
    """Make a style, or change one."""
    access = _access(request, team_id)
    row = policies.style_of(access, style_id) if style_id else Style(team=access.team)
    form = StyleForm(request.POST, instance=row, models=_models(access), auto_id="style-new-%s")
    if form.is_valid() and _saved(request, access, form):
        return redirect("team_images:page", team_id)
    return _page(request, access, PolicyForm(instance=policies.policy_of(access.team)), style=form)


@login_required
@require_POST
def word_list(request: PersonRequest, team_id: UUID, list_id: UUID | None = None) -> HttpResponse:
    """Make a word list, or change one."""
    access = _access(request, team_id)
    row = policies.word_list_of(access, list_id) if list_id else WordList(team=access.team)
    form = WordListForm(request.POST, instance=row, auto_id="words-new-%s")
    if form.is_valid() and _saved(request, access, form):
        return redirect("team_images:page", team_id)
    return _page(request, access, PolicyForm(instance=policies.policy_of(access.team)), words=form)


def _saved(request: PersonRequest, access: TeamAccess, form: StyleForm | WordListForm) -> bool:
    """Keep what a form says; a name that is taken is an error of the form."""
    try:
        policies.save(user=request.user, access=access, row=form.save(commit=False))
    except IntegrityError:
        form.add_error("name", _("There is one with this name already."))
        return False
    messages.success(request, _("Saved."))
    return True


@login_required
@require_POST
def style_delete(request: PersonRequest, team_id: UUID, style_id: UUID) -> HttpResponse:
    """Delete a style; the page offers to bring it back."""
    access = _access(request, team_id)
    _deleted(request, access, policies.style_of(access, style_id))
    return redirect("team_images:page", team_id)


@login_required
@require_POST
def word_list_delete(request: PersonRequest, team_id: UUID, list_id: UUID) -> HttpResponse:
    """Delete a word list; the page offers to bring it back."""
    access = _access(request, team_id)
    _deleted(request, access, policies.word_list_of(access, list_id))
    return redirect("team_images:page", team_id)


def _deleted(request: PersonRequest, access: TeamAccess, row: Style | WordList) -> None:
    kept = {name: getattr(row, name) for name in DELETED_FIELDS[type(row).__name__]}
    policies.delete(user=request.user, access=access, row=row)
    request.session[DELETED] = {"team": str(access.team.pk), "kind": type(row).__name__, "fields": kept}


@login_required
@require_POST
def undelete(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Bring back the style or word list that the person deleted last, while they are signed in."""
    access = _access(request, team_id)
    kept = deleted_in(request, access)
    if kept is None:
        raise NotFound
    kinds: dict[str, type[Style | WordList]] = {"Style": Style, "WordList": WordList}
    row = kinds[kept["kind"]](**kept["fields"])
    try:
        policies.save(user=request.user, access=access, row=row)
    except IntegrityError:
        messages.error(request, _("There is one with this name already."))
    del request.session[DELETED]
    return redirect("team_images:page", team_id)


def deleted_in(request: PersonRequest, access: TeamAccess) -> dict[str, Any] | None:
    """Return what the person deleted last in this team, None where nothing can be brought back."""
    kept: dict[str, Any] | None = request.session.get(DELETED)
    return kept if kept is not None and kept["team"] == str(access.team.pk) else None


@login_required
@require_safe
def reported(request: PersonRequest, team_id: UUID, report_id: UUID) -> HttpResponse:
    """Show an admin the picture of an open report, as small as it serves to judge it."""
    picture = reports.reported_picture(_access(request, team_id), report_id)
    try:
        data = files.read(picture.thumbnail)
    except (FileNotFoundError, ValueError) as error:  # ValueError: no name
        raise NotFound from error
    headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(data, content_type="image/webp", headers=headers)


@login_required
@require_POST
def decide(request: PersonRequest, team_id: UUID, report_id: UUID, verdict: str) -> HttpResponse:
    """Let a reported picture stay, take it down, or bring it back."""
    access, user = _access(request, team_id), request.user
    reason = typed(request.POST.get("reason", ""), reports.REASON_CHARS)
    if verdict == "keep":
        reports.keep(user=user, access=access, report_id=report_id, reason=reason)
        messages.success(request, _("The picture stays."))
    elif verdict == "take-down":
        reports.take_down(user=user, access=access, report_id=report_id, reason=reason)
        messages.success(request, _("The picture is gone for everybody, and its owner is told why."))
    elif verdict == "bring-back":
        reports.bring_back(user=user, access=access, report_id=report_id)
        messages.success(request, _("The picture is back."))
    else:
        raise NotFound
    return redirect("team_images:page", team_id)


@login_required
@require_POST
def acknowledge(request: PersonRequest, report_id: UUID) -> HttpResponse:
    """Keep that the person saw why a picture of theirs was taken down."""
    reports.acknowledge(user=request.user, report_id=report_id)
    return HttpResponse()
