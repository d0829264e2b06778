"""The pages of illustrated stories. A story is its owner's alone; everybody else gets what is not there."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.catalog.suiting import suits
from apps.core.errors import AppError, NotFound
from apps.core.text import typed, uuid_or_none
from apps.images import stories as telling
from apps.images import story_export
from apps.images.access import access_story
from apps.images.errors import BadSetting
from apps.images.models import Story, Style
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.images.resolving import model_of
from apps.images.scenes import MOST_CHARS
from apps.images.story_page import changes, story_page
from apps.images.suiting import suited
from apps.images.views.shared import team_of
from apps.users.models import Team
from apps.users.requests import PersonRequest

MOST_SIZE = 8


@require_http_methods(["GET", "POST"])
@login_required
def stories(request: PersonRequest) -> HttpResponse:
    """Show the person's stories and the documents to begin one with; begin one."""
    if request.team is None:
        return render(request, "chat/no_team.html")
    error: AppError | None = None
    if request.method == "POST":
        try:
            return redirect("images:story", _begun(request, request.team).pk)
        except NotFound:
            raise
        except AppError as refused:
            error = refused
    return render(request, "images/stories/list.html", _listed(request, request.team, error), status=_status(error))


def _begun(request: PersonRequest, team: Team) -> Story:
    document = uuid_or_none(request.POST.get("document", ""))
    if document is None:
        raise BadSetting(field="document")
    model = model_of(request.user, team, request.POST.get("model", ""))
    said = {"styles": tuple(request.POST.getlist("styles")), "prompt": _words(request, "look", "")}
    return telling.start(user=request.user, team=team, document_id=document, order=Order(**suited(model, said)))


def _listed(request: PersonRequest, team: Team, error: AppError | None) -> dict[str, object]:
    return {
        "stories": telling.stories_of(request.user, team),
        "documents": telling.documents_of(request.user, team),
        "chosen": request.POST.get("document", request.GET.get("document", "")),
        "look": request.POST.get("look", ""),
        "deleted": _just_deleted(request),
        "models": usable_models(AIModel.Kind.IMAGE, team_id=team.pk, user=request.user),
        "styles": Style.objects.filter(team=team),
        "error": error,
    }


def _just_deleted(request: PersonRequest) -> Story | None:
    """Return the story that its own page deleted and led here, to offer an undo."""
    wanted = uuid_or_none(request.GET.get("deleted", ""))
    return Story.objects.owned_by(request.user).exclude(deleted_at=None).filter(pk=wanted).first() if wanted else None


@require_safe
@login_required
def story(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Show a story: passages, prompts, pictures."""
    return _page(request, access_story(request.user, story_id))


@never_cache
@require_safe
@login_required
def live(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Return what changed of a story since its page looked; `seen` names the live scenes with their versions."""
    page = story_page(request.user, access_story(request.user, story_id))
    found = changes(page, request.GET.getlist("seen"))
    context = {"page": page, "changes": found, "is_new": "has_none" in request.GET and page.scenes}
    return render(request, "images/stories/live.html", context)


@require_safe
@login_required
def printed(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Show a story as it is read and printed: text and pictures alone."""
    page = story_page(request.user, access_story(request.user, story_id))
    return render(request, "images/stories/print.html", {"page": page})


@require_safe
@login_required
def exported(request: PersonRequest, story_id: UUID, form: str) -> HttpResponse:
    """Return a story to be saved: `epub`, a book for readers, or `zip`, a page with its pictures."""
    if form not in story_export.MEDIA_TYPES:
        raise NotFound
    page = story_page(request.user, access_story(request.user, story_id))
    response = HttpResponse(story_export.exported(page, form), content_type=story_export.MEDIA_TYPES[form])
    name = slugify(page.telling.title.rsplit(".", 1)[0], allow_unicode=True) or "story"
    response.headers["Content-Disposition"] = (
        content_disposition_header(as_attachment=True, filename=f"{name}.{form}") or "attachment"
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_POST
@login_required
def draw_all(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Order the pictures that are missing."""
    return _drawn(request, access_story(request.user, story_id), is_again=False)


def _drawn(request: PersonRequest, mine: Story, *, is_again: bool) -> HttpResponse:
    try:
        telling.draw_all(user=request.user, story=mine, is_again=is_again)
    except NotFound:
        raise
    except AppError as error:
        return _refused(request, mine, error)
    return _shown_again(request, mine)


def _refused(request: PersonRequest, mine: Story, error: AppError) -> HttpResponse:
    """Say why beside the story; to htmx the middleware says it."""
    if request.headers.get("HX-Request"):
        raise error
    return _page(request, mine, error)


def _shown_again(request: PersonRequest, mine: Story) -> HttpResponse:
    address = reverse("images:story", args=[mine.pk])
    return HttpResponse(headers={"HX-Redirect": address}) if request.headers.get("HX-Request") else redirect(address)


@require_POST
@login_required
def change_order(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Keep other settings for the pictures that are drawn from now on; with `again` draw all of them now."""
    mine = access_story(request.user, story_id)
    try:
        order = _changed(request, order_from_json(mine.order))
        mine = telling.change_order(user=request.user, story=mine, order=order)
    except AppError as error:
        return _refused(request, mine, error)
    if "again" in request.POST:
        return _drawn(request, mine, is_again=True)
    return _shown_again(request, mine)


def _changed(request: PersonRequest, order: Order) -> Order:
    asked = request.POST
    model = model_of(request.user, team_of(request), asked.get("model", order.model))
    if model.name != order.model:
        best = suits(model)
        order = replace(order, guidance=best["guidance"], sampler=best["sampler"])
    said: dict[str, Any] = {name: _number(request, name, getattr(order, name)) for name in ("width", "height", "steps")}
    said |= {"prompt": _words(request, "look", order.prompt), "negative": _words(request, "unwanted", order.negative)}
    if "has_styles" in asked:
        said["styles"] = tuple(asked.getlist("styles"))
    return replace(order, model=model.name, **said)


def _number(request: PersonRequest, name: str, before: int) -> int:
    text = request.POST.get(name, str(before))
    if not text.isascii() or not text.isdigit() or len(text) > MOST_SIZE:
        raise BadSetting(field=name)
    return int(text)


def _words(request: PersonRequest, name: str, before: str) -> str:
    return typed(request.POST.get(name, before), MOST_CHARS)


@require_POST
@login_required
def stop(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Find and draw no more."""
    mine = access_story(request.user, story_id)
    telling.stop(user=request.user, story=mine)
    return redirect("images:story", mine.pk)


@require_POST
@login_required
def again(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Go on with a story that was stopped or failed."""
    mine = access_story(request.user, story_id)
    telling.again(user=request.user, story=mine)
    return redirect("images:story", mine.pk)


@require_POST
@login_required
def delete(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Delete a story; the list of stories offers to bring it back. Its pictures stay."""
    telling.remove(user=request.user, story=access_story(request.user, story_id))
    return redirect(f"{reverse('images:stories')}?deleted={story_id}")


@require_POST
@login_required
def restore(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Bring a deleted story back."""
    telling.restore(user=request.user, story=access_story(request.user, story_id, deleted=True))
    return redirect("images:story", story_id)


def _page(request: PersonRequest, mine: Story, error: AppError | None = None) -> HttpResponse:
    page = story_page(request.user, mine)
    models = usable_models(AIModel.Kind.IMAGE, team_id=mine.team_id, user=request.user)
    context = {"page": page, "models": models, "error": error}
    return render(request, "images/stories/story.html", context, status=_status(error))


def _status(error: AppError | None) -> int:
    return 200 if error is None else min(error.status, 422)
