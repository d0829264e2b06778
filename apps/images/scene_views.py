"""What a person does with one scene of their story: other words, another place, a picture, or none of it."""

import json
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.errors import AppError, NotFound
from apps.images import scenes
from apps.images.access import access_scene, access_story
from apps.images.models import Scene
from apps.images.story_page import story_page
from apps.users.requests import PersonRequest


@require_POST
@login_required
def scene(request: PersonRequest, scene_id: UUID) -> HttpResponse:
    """Keep other words for a scene, as they are typed."""
    _kept(request, access_scene(request.user, scene_id))
    return HttpResponse(status=204)


def _kept(request: PersonRequest, mine: Scene) -> Scene:
    words = {name: request.POST.get(name, getattr(mine, name)) for name in ("prompt", "negative")}
    return scenes.change(user=request.user, scene=mine, **words)


@require_POST
@login_required
def draw(request: PersonRequest, scene_id: UUID) -> HttpResponse:
    """Keep the words of a scene and order its picture, also once more."""
    mine = access_scene(request.user, scene_id)
    try:
        scenes.draw(user=request.user, scene=_kept(request, mine))
    except NotFound:
        raise
    except AppError as error:
        return _block(request, scene_id, error)
    return _block(request, scene_id)


@require_POST
@login_required
def move(request: PersonRequest, scene_id: UUID) -> HttpResponse:
    """Move a scene `up` or `down` by one place; return all scenes."""
    mine = access_scene(request.user, scene_id)
    scenes.move(user=request.user, scene=mine, is_up=request.POST.get("to") == "up")
    return _all(request, mine.story_id)


@require_POST
@login_required
def delete(request: PersonRequest, scene_id: UUID) -> HttpResponse:
    """Leave a scene out of its story, with undo; return the scenes that are left."""
    mine = access_scene(request.user, scene_id)
    scenes.remove(user=request.user, scene=mine)
    response = _all(request, mine.story_id)
    undo = reverse("images:scene-restore", args=[scene_id])
    response["HX-Trigger"] = json.dumps({"kb:toast": {"text": _("The scene was left out."), "undo": undo}})
    return response


@require_POST
@login_required
def restore(request: PersonRequest, scene_id: UUID) -> HttpResponse:
    """Bring a scene back where it was."""
    scenes.restore(user=request.user, scene=access_scene(request.user, scene_id, deleted=True))
    return HttpResponse(headers={"HX-Refresh": "true"})


def _all(request: PersonRequest, story_id: UUID) -> HttpResponse:
    page = story_page(request.user, access_story(request.user, story_id))
    return render(request, "images/stories/scenes.html", {"page": page, "is_swap": True})


def _block(request: PersonRequest, scene_id: UUID, error: AppError | None = None) -> HttpResponse:
    mine = access_scene(request.user, scene_id)
    page = story_page(request.user, mine.story)  # its bar and its buttons change too
    card = next(each for each in page.scenes if each.scene.pk == mine.pk)
    status = 200 if error is None else min(error.status, 422)
    return render(
        request, "images/stories/scene_block.html", {"card": card, "page": page, "error": error}, status=status
    )
