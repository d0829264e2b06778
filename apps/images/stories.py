"""Illustrated stories: a document's scenes, a prompt and a picture for each. All of a story is its owner's alone.

What a story quotes stays a part of its document: who may not read that any more sees neither text nor prompts of it,
only the pictures, which are their own.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.core.errors import NotFound
from apps.images import assistant_tasks, services
from apps.images.access import access_scene, access_story
from apps.images.assistant.errors import NothingToTell, SceneBusy
from apps.images.limits import limits
from apps.images.models import ImageJob, Picture, Scene, Story
from apps.images.ordering import order_from_json, order_to_json, validated
from apps.images.orders import Order
from apps.images.safety import check_prompts
from apps.libraries.access import access_document
from apps.libraries.models import Document
from apps.users.access import access_team
from apps.users.models import Team, User

State = ImageJob.State
LIVE = frozenset({State.QUEUED, State.RUNNING})
MOST_LISTED = 100
MOST_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Telling:
    """A story as its owner may see it now."""

    story: Story
    is_readable: bool

    @property
    def title(self) -> str:
        """Return the name of the document, empty where it is not for the person any more."""
        return self.story.document.name if self.is_readable else ""

    @property
    def is_live(self) -> bool:
        """Return whether its scenes are still being found."""
        return self.story.state in LIVE


def documents_of(user: User, team: Team) -> QuerySet[Document]:
    """Return the documents of the team that the person may read and that have been read, the newest first."""
    readable = Document.objects.readable_by(user).filter(library__team=team, current_version__isnull=False)
    return readable.select_related("library").order_by("-updated_at")[:MOST_LISTED]


def stories_of(user: User, team: Team) -> list[Telling]:
    """Return the person's stories in the team, the newest first; two queries."""
    rows = list(Story.objects.owned_by(user).filter(team=team).select_related("document")[:MOST_LISTED])
    wanted = [story.document_id for story in rows]
    open_to = set(Document.objects.readable_by(user).filter(pk__in=wanted).values_list("pk", flat=True))
    return [Telling(story, story.document_id in open_to) for story in rows]


def is_readable(user: User, story: Story) -> bool:
    """Return whether the person may still read the document of a story."""
    return Document.objects.readable_by(user).filter(pk=story.document_id).exists()


def start(*, user: User, team: Team, document_id: UUID, order: Order) -> Story:
    """Begin a story of a document; a worker finds its scenes. For members of the team.

    Raises NotFound for a document that is not theirs or of another team, NothingToTell, and what an order raises.
    """
    access_team(user, team.pk)
    document = access_document(user, document_id)
    if document.library.team_id != team.pk:
        raise NotFound
    if document.current_version is None:
        raise NothingToTell
    check_prompts(team, [])
    order = validated(replace(order, prompt="scene"), limits())
    with transaction.atomic():
        story = Story.objects.create(team=team, owner=user, document=document, order=_kept(order))
        transaction.on_commit(assistant_tasks.ring_story)
    return story


def _kept(order: Order) -> dict[str, object]:
    return order_to_json(replace(order, prompt="", negative="", count=1))


def change_order(*, user: User, story: Story, order: Order) -> Story:
    """Keep other settings for the pictures that are drawn from now on."""
    story = access_story(user, story.pk)
    story.order = _kept(validated(replace(order, prompt="scene"), limits()))
    story.save(update_fields=["order", "updated_at"])
    return story


def change_scene(*, user: User, scene: Scene, prompt: str, negative: str) -> Scene:
    """Keep the person's own words for a scene. Raises NotFound where the document is closed to them."""
    scene = _open_scene(user, scene)
    scene.is_plain = scene.is_plain and prompt.strip() == scene.prompt
    scene.prompt, scene.negative = prompt.strip()[:MOST_CHARS], negative.strip()[:MOST_CHARS]
    scene.save(update_fields=["prompt", "negative", "is_plain", "updated_at"])
    return scene


def _open_scene(user: User, scene: Scene) -> Scene:
    scene = access_scene(user, scene.pk)
    if not is_readable(user, scene.story):
        raise NotFound
    return scene


def draw_scene(*, user: User, scene: Scene) -> ImageJob:
    """Order the picture of a scene, also once more; the one that is there stays until the new one is.

    Raises SceneBusy where it is being drawn or has no prompt, and all that `place_order` raises.
    """
    scene = _open_scene(user, scene)
    if not scene.prompt or (scene.job is not None and scene.job.state in LIVE):
        raise SceneBusy
    return _draw(user, scene)


def draw_all(*, user: User, story: Story) -> int:
    """Order a picture for each scene that has a prompt and neither a picture nor a job; return how many.

    Each is a job of its own, with its own quota. Where one is refused, those before it stay ordered, and the
    refusal is raised. Raises SceneBusy where there is nothing to draw.
    """
    story = access_story(user, story.pk)
    if not is_readable(user, story):
        raise NotFound
    drawn = pictures_of(user, story)
    waiting = [scene for scene in scenes_of(story) if scene.prompt and scene.pk not in drawn and not _is_drawing(scene)]
    if not waiting:
        raise SceneBusy
    for scene in waiting:
        _draw(user, scene)
    return len(waiting)


def _is_drawing(scene: Scene) -> bool:
    return scene.job is not None and scene.job.state in LIVE


def _draw(user: User, scene: Scene) -> ImageJob:
    team = scene.story.team
    order = replace(order_from_json(scene.story.order), prompt=scene.prompt, negative=scene.negative)
    with transaction.atomic():
        locked = Scene.objects.select_for_update(of=("self",)).get(pk=scene.pk)
        if locked.job_id != scene.job_id:
            raise SceneBusy
        scene.picture = pictures_of(user, scene.story, [scene]).get(scene.pk)
        scene.job = services.place_order(user=user, team=team, order=order)
        scene.save(update_fields=["job", "picture", "updated_at"])
    return scene.job


def scenes_of(story: Story) -> list[Scene]:
    """Return a story's scenes with their jobs, in order; one query."""
    scenes = Scene.objects.filter(story=story).select_related("job").order_by("number")
    found = list(scenes)
    for scene in found:
        scene.story = story
    return found


def pictures_of(user: User, story: Story, scenes: list[Scene] | None = None) -> dict[UUID, Picture]:
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


def stop(*, user: User, story: Story) -> None:
    """Find no more scenes and draw none that waits; what is there stays."""
    story = access_story(user, story.pk)
    Story.objects.filter(pk=story.pk, state__in=LIVE).update(state=State.CANCELLED, lease_until=None, updated_at=Now())
    for scene in scenes_of(story):
        if scene.job is not None and scene.job.state in LIVE:
            services.cancel(user=user, job=scene.job)


def again(*, user: User, story: Story) -> None:
    """Go on with a story that was stopped or failed: scenes without a prompt get one."""
    story = access_story(user, story.pk)
    if not is_readable(user, story):
        raise NotFound
    with transaction.atomic():
        ended = Story.objects.filter(pk=story.pk, state__in=[State.CANCELLED, State.FAILED])
        if ended.update(state=State.QUEUED, error_code="", attempts=0, updated_at=Now()):
            transaction.on_commit(assistant_tasks.ring_story)


def remove(*, user: User, story: Story) -> None:
    """Remove a story; its pictures stay in the gallery."""
    stop(user=user, story=story)
    access_story(user, story.pk).delete()
