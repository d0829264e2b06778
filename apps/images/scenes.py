"""The scenes of a story: their words, their pictures, their order. All of it is the story's owner's alone.

Who may not read the story's document any more neither reads nor changes the words of its scenes.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from apps.core.errors import NotFound
from apps.core.text import typed
from apps.images import services
from apps.images.access import access_scene
from apps.images.assistant.errors import SceneBusy
from apps.images.grammar.styles import apply_style
from apps.images.models import ImageJob, Picture, Scene, Story
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.libraries.models import Document
from apps.users.models import User

MOST_CHARS = 2_000


def scenes_of(story: Story) -> list[Scene]:
    """Return a story's scenes with their jobs, in order; one query."""
    found = list(Scene.objects.filter(story=story, deleted_at=None).select_related("job").order_by("number"))
    for scene in found:
        scene.story = story
    return found


def is_drawing(scene: Scene) -> bool:
    """Return whether its picture waits or is drawn."""
    return scene.job is not None and scene.job.state in ImageJob.LIVE


def is_readable(user: User, story: Story) -> bool:
    """Return whether the person may still read the document of a story."""
    return Document.objects.readable_by(user).filter(pk=story.document_id).exists()


def pictures_of(user: User, story: Story, scenes: Sequence[Scene] | None = None) -> dict[UUID, Picture]:
    """Return the picture of each scene that has one, by the scene's id: of its last job, else the one before.

    Only pictures that are the person's own still, not deleted and not taken down. Two queries.
    """
    scenes = scenes_of(story) if scenes is None else scenes
    mine = Picture.objects.owned_by(user).filter(deleted_at=None)
    by_job = {each.job_id: each for each in mine.filter(job__in=[scene.job_id for scene in scenes if scene.job_id])}
    before = mine.in_bulk([scene.picture_id for scene in scenes if scene.picture_id])
    found: dict[UUID, Picture] = {}
    for scene in scenes:
        picture = by_job.get(scene.job_id) or (before.get(scene.picture_id) if scene.picture_id else None)
        if picture is not None:
            found[scene.pk] = picture
    return found


def change(*, user: User, scene: Scene, prompt: str, negative: str) -> Scene:
    """Keep the person's own words for a scene. Raises NotFound where the document is closed to them."""
    scene = _open(user, scene)
    prompt, negative = typed(prompt, MOST_CHARS), typed(negative, MOST_CHARS)
    scene.is_plain = scene.is_plain and prompt == scene.prompt
    scene.prompt, scene.negative = prompt, negative
    scene.save(update_fields=["prompt", "negative", "is_plain", "updated_at"])
    return scene


def draw(*, user: User, scene: Scene) -> ImageJob:
    """Order the picture of a scene, also once more; the one that is there stays until the new one is.

    Raises SceneBusy where it is being drawn or has no prompt, and all that `place_order` raises.
    """
    scene = _open(user, scene)
    if not scene.prompt or is_drawing(scene):
        raise SceneBusy
    return place(user, scene)


def place(user: User, scene: Scene) -> ImageJob:
    """Order the picture of a scene that the person was let to, with the story's settings around its words."""
    order = order_of(order_from_json(scene.story.order), scene.prompt, scene.negative)
    with transaction.atomic():
        locked = Scene.objects.select_for_update(of=("self",)).get(pk=scene.pk)
        if locked.job_id != scene.job_id:
            raise SceneBusy
        scene.picture = pictures_of(user, scene.story, [scene]).get(scene.pk)
        scene.job = services.place_order(user=user, team=scene.story.team, order=order)
        scene.save(update_fields=["job", "picture", "updated_at"])
    return scene.job


def order_of(around: Order, prompt: str, negative: str) -> Order:
    """Return the order of one scene: the words of all pictures stand around its own, as those of a style do."""
    negative = ", ".join(part for part in (negative.strip(), around.negative.strip()) if part)
    return replace(around, prompt=apply_style(around.prompt, prompt), negative=negative)


@transaction.atomic
def move(*, user: User, scene: Scene, is_up: bool) -> None:
    """Let a scene change places with the one before or after it; the first and the last stay where they are."""
    scene = access_scene(user, scene.pk)
    Story.objects.select_for_update(of=("self",)).get(pk=scene.story_id)  # two moves at once: one after the other
    number = Scene.objects.values_list("number", flat=True).get(pk=scene.pk)
    shown = Scene.objects.filter(story=scene.story_id, deleted_at=None)
    beyond = shown.filter(number__lt=number).order_by("-number") if is_up else shown.filter(number__gt=number)
    other = beyond.first()
    if other is not None:
        places = Case(When(pk=scene.pk, then=Value(other.number)), default=Value(number))
        Scene.objects.filter(Q(pk=scene.pk) | Q(pk=other.pk)).update(number=places, updated_at=Now())


def remove(*, user: User, scene: Scene) -> None:
    """Leave a scene out of its story: what waits of it is stopped, its pictures stay in the gallery."""
    scene = access_scene(user, scene.pk)
    Scene.objects.filter(pk=scene.pk).update(deleted_at=Now(), updated_at=Now())
    if scene.job is not None and is_drawing(scene):
        services.cancel(user=user, job=scene.job)


def restore(*, user: User, scene: Scene) -> None:
    """Bring a scene back into its story, where it was."""
    scene = access_scene(user, scene.pk, deleted=True)
    Scene.objects.filter(pk=scene.pk).update(deleted_at=None, updated_at=Now())


def _open(user: User, scene: Scene) -> Scene:
    scene = access_scene(user, scene.pk)
    if not is_readable(user, scene.story):
        raise NotFound
    return scene
