"""Illustrated stories: a document's scenes, a prompt and a picture for each. All of a story is its owner's alone.

What a story quotes stays a part of its document: who may not read that any more sees neither text nor prompts of it,
only the pictures, which are their own.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from apps.core.errors import NotFound
from apps.images import assistant_tasks, scenes, services
from apps.images.access import access_story
from apps.images.assistant.errors import NothingToTell, SceneBusy
from apps.images.limits import limits
from apps.images.models import ImageJob, Scene, Story
from apps.images.ordering import order_to_json, validated
from apps.images.orders import Order
from apps.images.safety import check_prompts
from apps.libraries.access import access_document
from apps.libraries.models import Document
from apps.users.access import access_team
from apps.users.models import Team, User

State = ImageJob.State
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Telling:
    """A story as its owner may see it now; `scenes` of them there are, `written` have a prompt."""

    story: Story
    is_readable: bool
    scenes: int = 0
    written: int = 0

    @property
    def title(self) -> str:
        """Return the name of the document, empty where it is not for the person any more."""
        return self.story.document.name if self.is_readable else ""

    @property
    def is_live(self) -> bool:
        """Return whether its scenes are still being found."""
        return self.story.state in ImageJob.LIVE


def documents_of(user: User, team: Team) -> QuerySet[Document]:
    """Return the documents of the team that the person may read and that have been read, the newest first."""
    readable = Document.objects.readable_by(user).filter(library__team=team, current_version__isnull=False)
    return readable.select_related("library").order_by("-updated_at")[:MOST_LISTED]


def stories_of(user: User, team: Team) -> list[Telling]:
    """Return the person's stories in the team, the newest first; three queries."""
    mine = Story.objects.owned_by(user).filter(team=team, deleted_at=None).select_related("document")
    rows = list(mine[:MOST_LISTED])
    open_to = set(
        Document.objects.readable_by(user)
        .filter(pk__in=[story.document_id for story in rows])
        .values_list("pk", flat=True)
    )
    counted = Scene.objects.filter(story__in=rows, deleted_at=None).order_by().values("story")
    counted = counted.annotate(scenes=Count("pk"), written=Count("pk", filter=~Q(prompt="")))
    counts = {row["story"]: (row["scenes"], row["written"]) for row in counted}
    return [Telling(story, story.document_id in open_to, *counts.get(story.pk, (0, 0))) for story in rows]


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
    kept = _kept(team, order)
    with transaction.atomic():
        story = Story.objects.create(team=team, owner=user, document=document, order=kept)
        transaction.on_commit(assistant_tasks.ring_story)
    return story


def change_order(*, user: User, story: Story, order: Order) -> Story:
    """Keep other settings, and other words of all pictures, for what is drawn from now on."""
    story = access_story(user, story.pk)
    story.order = _kept(story.team, order)
    story.save(update_fields=["order", "updated_at"])
    return story


def _kept(team: Team, order: Order) -> dict[str, object]:
    """Return the settings as they are stored; refuse what no scene could be drawn with."""
    check_prompts(team, [order.prompt])
    validated(scenes.order_of(order, "scene", ""), limits())
    return order_to_json(replace(order, prompt=order.prompt.strip(), negative=order.negative.strip(), count=1))


def draw_all(*, user: User, story: Story, is_again: bool = False) -> int:
    """Order a picture for each scene that has a prompt and is not being drawn; return how many.

    Those that have a picture are left out unless `is_again`. Each is a job of its own, with its own quota. Where one is
    refused, those before it stay ordered, and the refusal is raised. Raises SceneBusy where there is nothing to draw.
    """
    story = access_story(user, story.pk)
    if not scenes.is_readable(user, story):
        raise NotFound
    found = scenes.scenes_of(story)
    drawn = set() if is_again else set(scenes.pictures_of(user, story, found))
    waiting = [each for each in found if each.prompt and each.pk not in drawn and not scenes.is_drawing(each)]
    if not waiting:
        raise SceneBusy
    for scene in waiting:
        scenes.place(user, scene)
    return len(waiting)


def stop(*, user: User, story: Story) -> None:
    """Find no more scenes and draw none that waits; what is there stays."""
    story = access_story(user, story.pk)
    Story.objects.filter(pk=story.pk, state__in=ImageJob.LIVE).update(
        state=State.CANCELLED, lease_until=None, updated_at=Now()
    )
    for scene in scenes.scenes_of(story):
        if scene.job is not None and scenes.is_drawing(scene):
            services.cancel(user=user, job=scene.job)


def again(*, user: User, story: Story) -> None:
    """Go on with a story that was stopped or failed: scenes without a prompt get one."""
    story = access_story(user, story.pk)
    if not scenes.is_readable(user, story):
        raise NotFound
    with transaction.atomic():
        ended = Story.objects.filter(pk=story.pk, state__in=[State.CANCELLED, State.FAILED])
        if ended.update(state=State.QUEUED, error_code="", attempts=0, updated_at=Now()):
            transaction.on_commit(assistant_tasks.ring_story)


def remove(*, user: User, story: Story) -> None:
    """Delete a story, which can be brought back for a while; its pictures stay in the gallery."""
    stop(user=user, story=story)
    Story.objects.filter(pk=story.pk).update(deleted_at=Now(), updated_at=Now())


def restore(*, user: User, story: Story) -> None:
    """Bring a deleted story back as it was; what was stopped goes on when its owner says so."""
    story = access_story(user, story.pk, deleted=True)
    Story.objects.filter(pk=story.pk).update(deleted_at=None, updated_at=Now())
