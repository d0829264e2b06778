"""The pages of illustrated stories. A story is its owner's alone; everybody else gets what is not there."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.catalog.suiting import suits
from apps.core.errors import AppError, NotFound
from apps.core.text import uuid_or_none
from apps.images import stories as telling
from apps.images.access import access_scene, access_story
from apps.images.errors import BadSetting
from apps.images.models import Story, Style
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.images.resolving import model_of
from apps.images.story_page import scene_card, story_page
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
    order = Order(**suited(model, {"styles": tuple(request.POST.getlist("styles"))}))
    return telling.start(user=request.user, team=team, document_id=document, order=order)


def _listed(request: PersonRequest, team: Team, error: AppError | None) -> dict[str, object]:
    return {
        "stories": telling.stories_of(request.user, team),
        "documents": telling.documents_of(request.user, team),
        "chosen": request.GET.get("document", ""),
        "models": usable_models(AIModel.Kind.IMAGE, team_id=team.pk, user=request.user),
        "styles": Style.objects.filter(team=team),
        "error": error,
    }


@require_safe
@login_required
def story(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Show a story: passages, prompts, pictures."""
    return _page(request, access_story(request.user, story_id))


@require_safe
@login_required
def printed(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Show a story as it is read and printed: text and pictures alone."""
    page = story_page(request.user, access_story(request.user, story_id))
    return render(request, "images/stories/print.html", {"page": page})


@require_POST
@login_required
def draw_all(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Order the pictures that are missing."""
    mine = access_story(request.user, story_id)
    try:
        telling.draw_all(user=request.user, story=mine)
    except NotFound:
        raise
    except AppError as error:
        return _page(request, mine, error)
    return redirect("images:story", mine.pk)


@require_POST
@login_required
def change_order(request: PersonRequest, story_id: UUID) -> HttpResponse:
    """Keep other settings for the pictures that are drawn from now on."""
    mine = access_story(request.user, story_id)
    try:
        order = _changed(request, order_from_json(mine.order))
        telling.change_order(user=request.user, story=mine, order=order)
    except AppError as error:
        return _page(request, mine, error)
    return redirect("images:story", mine.pk)


def _changed(request: PersonRequest, order: Order) -> Order:
    asked = request.POST
    model = model_of(request.user, team_of(request), asked.get("model", order.model))
    if model.name != order.model:
        best = suits(model)
        order = replace(order, guidance=best["guidance"], sampler=best["sampler"])
    numbers: dict[str, Any] = {}
    for name in ("width", "height", "steps"):
        text = asked.get(name, str(getattr(order, name)))
        if not text.isascii() or not text.isdigit() or len(text) > MOST_SIZE:
            raise BadSetting(field=name)
        numbers[name] = int(text)
    return replace(order, model=model.name, **numbers)


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
    """Remove a story; its pictures stay."""
    telling.remove(user=request.user, story=access_story(request.user, story_id))
    return redirect("images:stories")


@require_http_methods(["GET", "POST"])
@login_required
def scene(request: PersonRequest, scene_id: UUID) -> HttpResponse:
    """Return the block of a scene; keep other words for it."""
    mine = access_scene(request.user, scene_id)
    if request.method == "POST":
        words = {name: request.POST.get(name, "") for name in ("prompt", "negative")}
        telling.change_scene(user=request.user, scene=mine, **words)
    return _block(request, scene_id)


@require_POST
@login_required
def draw_scene(request: PersonRequest, scene_id: UUID) -> HttpResponse:
    """Keep the words of a scene and order its picture, also once more."""
    mine = access_scene(request.user, scene_id)
    try:
        if "prompt" in request.POST:
            words = {name: request.POST.get(name, "") for name in ("prompt", "negative")}
            mine = telling.change_scene(user=request.user, scene=mine, **words)
        telling.draw_scene(user=request.user, scene=mine)
    except NotFound:
        raise
    except AppError as error:
        return _block(request, scene_id, error)
    return _block(request, scene_id)


def _block(request: PersonRequest, scene_id: UUID, error: AppError | None = None) -> HttpResponse:
    card = scene_card(request.user, access_scene(request.user, scene_id))
    context = {"card": card, "error": error}
    return render(request, "images/stories/scene.html", context, status=_status(error))


def _page(request: PersonRequest, mine: Story, error: AppError | None = None) -> HttpResponse:
    page = story_page(request.user, mine)
    models = usable_models(AIModel.Kind.IMAGE, team_id=mine.team_id, user=request.user)
    context = {"page": page, "models": models, "error": error}
    return render(request, "images/stories/story.html", context, status=_status(error))


def _status(error: AppError | None) -> int:
    return 200 if error is None else min(error.status, 422)
