"""Illustrated stories: begun from a document, looked at, drawn, changed. A story is its owner's alone."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Invalid, NotFound, sentence_of
from apps.images import scenes, stories, story_export
from apps.images.access import access_scene, access_story
from apps.images.api.asked import an_id, fields, query, switch, text
from apps.images.api.base import ImagesView
from apps.images.api.placing import filled
from apps.images.models import Scene, Story
from apps.images.ordering import order_from_json
from apps.images.story_page import SceneCard, story_page
from apps.users.api_auth import asked_team, person_of

AROUND = frozenset(
    {"model", "width", "height", "steps", "guidance", "sampler", "schedule", "styles", "prompt", "negative"}
)
ACTS: Mapping[str, Callable[..., object]] = {"draw": stories.draw_all, "stop": stories.stop, "again": stories.again}


class StoriesView(ImagesView):
    """The person's stories in the key's team."""

    def get(self, request: Request) -> Response:
        """Return the newest first."""
        query(request, ())
        told = stories.stories_of(person_of(request), asked_team(request))
        return Response({"results": [_telling_json(each) for each in told]})

    def post(self, request: Request) -> Response:
        """Begin one from a `document`; the other fields are settings of all pictures, `prompt` their common words."""
        data, user, team = fields(request, AROUND | {"document"}), person_of(request), asked_team(request)
        document = an_id(data.pop("document", None), "document")
        order = order_from_json(filled(request, data))
        story = stories.start(user=user, team=team, document_id=document, order=order)
        place = reverse("api:image-story", args=[story.pk])
        return Response(_story_json(request, story), status=202, headers={"Location": place, "Retry-After": "2"})


class StoryView(ImagesView):
    """One story with its scenes."""

    def get(self, request: Request, story_id: UUID) -> Response:
        """Return it; `position` and `seconds_left` of pictures that wait are at their jobs."""
        query(request, ())
        return Response(_story_json(request, access_story(person_of(request), story_id)))

    def patch(self, request: Request, story_id: UUID) -> Response:
        """Change settings for what is drawn from now on."""
        story = access_story(person_of(request), story_id)
        said = fields(request, AROUND)
        order = order_from_json(dict(story.order) | said)
        return Response(_story_json(request, stories.change_order(user=person_of(request), story=story, order=order)))

    def delete(self, request: Request, story_id: UUID) -> Response:
        """Delete it; its pictures stay. It can be brought back for a while."""
        stories.remove(user=person_of(request), story=access_story(person_of(request), story_id))
        return Response(status=204)


class StoryActView(ImagesView):
    """What is done with all of a story."""

    def post(self, request: Request, story_id: UUID, act: str) -> Response:
        """`draw` the pictures that are missing, `stop`, find the rest `again`, or `restore` what was deleted."""
        fields(request, ())
        user = person_of(request)
        if act == "restore":
            stories.restore(user=user, story=access_story(user, story_id, deleted=True))
        elif act in ACTS:
            ACTS[act](user=user, story=access_story(user, story_id))
        else:
            raise NotFound
        return Response(_story_json(request, access_story(user, story_id)))


class StoryFileView(ImagesView):
    """A story to be saved."""

    def get(self, request: Request, story_id: UUID) -> HttpResponse:
        """Return it as `format` epub, a book, or zip, a page with its pictures."""
        form = query(request, {"format"}).get("format", "epub")
        if form not in story_export.MEDIA_TYPES:
            raise Invalid(field="format")
        page = story_page(person_of(request), access_story(person_of(request), story_id))
        headers = {
            "Content-Disposition": f'attachment; filename="{story_id}.{form}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        media = story_export.MEDIA_TYPES[form]
        return HttpResponse(story_export.exported(page, form), content_type=media, headers=headers)


class SceneView(ImagesView):
    """One scene of the person's own story."""

    def get(self, request: Request, scene_id: UUID) -> Response:
        """Return it."""
        query(request, ())
        return Response(_scene_json(_card(request, scene_id)))

    def patch(self, request: Request, scene_id: UUID) -> Response:
        """Keep other words for it."""
        data, scene = fields(request, {"prompt", "negative"}), access_scene(person_of(request), scene_id)
        said = {"prompt": scene.prompt, "negative": scene.negative}
        said |= {name: text(data, name, scenes.MOST_CHARS) for name in data}
        scenes.change(user=person_of(request), scene=scene, **said)
        return Response(_scene_json(_card(request, scene_id)))

    def delete(self, request: Request, scene_id: UUID) -> Response:
        """Leave it out of its story."""
        scenes.remove(user=person_of(request), scene=access_scene(person_of(request), scene_id))
        return Response(status=204)


class SceneActView(ImagesView):
    """What is done with one scene."""

    def post(self, request: Request, scene_id: UUID, act: str) -> Response:
        """`draw` its picture, also once more; `move` it (`is_up`); `restore` it."""
        data, user = fields(request, {"is_up"} if act == "move" else ()), person_of(request)
        if act not in {"draw", "move", "restore"}:
            raise NotFound
        scene = access_scene(user, scene_id, deleted=act == "restore")
        if act == "draw":
            scenes.draw(user=user, scene=scene)
        elif act == "move":
            scenes.move(user=user, scene=scene, is_up=switch(data, "is_up"))
        else:
            scenes.restore(user=user, scene=scene)
        return Response(_scene_json(_card(request, scene_id)))


def _card(request: Request, scene_id: UUID) -> SceneCard:
    scene: Scene = access_scene(person_of(request), scene_id)
    page = story_page(person_of(request), scene.story)
    return next(each for each in page.scenes if each.scene.pk == scene.pk)


def _telling_json(telling: stories.Telling) -> dict[str, Any]:
    story = telling.story
    return {
        "id": str(story.pk),
        "document": str(story.document_id),
        "title": telling.title or None,
        "state": story.state,
        "is_final": not telling.is_live,
        "scenes": telling.scenes,
        "written": telling.written,
        "created_at": story.created_at.isoformat(),
    }


def _story_json(request: Request, story: Story) -> dict[str, Any]:
    page = story_page(person_of(request), story)
    error = {"code": story.error_code, "detail": sentence_of(story.error_code, {})} if story.error_code else None
    return _telling_json(page.telling) | {
        "scenes": [_scene_json(each) for each in page.scenes],
        "written": page.written,
        "drawn": page.drawn,
        "settings": {name: _plain(getattr(page.order, name)) for name in sorted(AROUND)},
        "error": error,
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _scene_json(card: SceneCard) -> dict[str, Any]:
    """Return a scene; of a document that is closed to the person meanwhile nothing but the picture."""
    scene, is_open = card.scene, card.is_readable
    return {
        "id": str(scene.pk),
        "number": scene.number,
        "chapter": scene.chapter if is_open else None,
        "text": scene.text if is_open else None,
        "page": scene.page if is_open else None,
        "prompt": scene.prompt if is_open else None,
        "negative": scene.negative if is_open else None,
        "job": str(scene.job_id) if scene.job_id else None,
        "is_drawing": card.is_drawing,
        "picture": str(card.picture.pk) if card.picture else None,
    }
