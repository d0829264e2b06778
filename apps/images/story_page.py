"""What the pages of stories show: scenes with passage, prompt and picture, as far as their owner may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.core.errors import sentence_of
from apps.images import stories
from apps.images.addresses import address_of
from apps.images.models import ImageJob, Picture, Scene, Story
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.images.stories import LIVE, Telling
from apps.users.models import User

State = ImageJob.State


@dataclass(frozen=True, slots=True)
class SceneCard:
    """A scene; without `is_readable` its text and prompt are not shown."""

    scene: Scene
    picture: Picture | None
    address: str
    is_readable: bool
    is_finding: bool
    chapter: str  # where it is another than the scene's before; else ""

    @property
    def is_drawing(self) -> bool:
        """Return whether its picture waits or is drawn."""
        return self.scene.job is not None and self.scene.job.state in LIVE

    @property
    def is_live(self) -> bool:
        """Return whether it looks again by itself: nothing is typed into it then."""
        return self.is_drawing or (self.is_finding and not self.scene.prompt)

    @property
    def problem(self) -> str:
        """Return why its picture failed, in words."""
        job = self.scene.job
        return sentence_of(job.error_code, job.error_params) if job is not None and job.state == State.FAILED else ""


@dataclass(frozen=True, slots=True)
class StoryPage:
    """A story with all its scenes."""

    telling: Telling
    scenes: Sequence[SceneCard]
    order: Order

    @property
    def story(self) -> Story:
        """Return the row."""
        return self.telling.story

    @property
    def problem(self) -> str:
        """Return why its scenes were not found, in words."""
        return sentence_of(self.story.error_code, {}) if self.story.state == State.FAILED else ""

    @property
    def is_stopped(self) -> bool:
        """Return whether it can go on."""
        return self.story.state in {State.FAILED, State.CANCELLED}

    @property
    def waiting(self) -> int:
        """Return how many scenes can be drawn now."""
        return sum(bool(each.scene.prompt and not each.picture and not each.is_drawing) for each in self.scenes)

    @property
    def written(self) -> int:
        """Return how many scenes have a prompt."""
        return sum(bool(each.scene.prompt) for each in self.scenes)


def story_page(user: User, story: Story) -> StoryPage:
    """Return a person's own story as they may see it now."""
    telling = Telling(story, stories.is_readable(user, story))
    scenes = stories.scenes_of(story)
    pictures = stories.pictures_of(user, story, scenes)
    return StoryPage(telling, _cards(user, telling, scenes, pictures), order_from_json(story.order))


def scene_card(user: User, scene: Scene) -> SceneCard:
    """Return one scene of a person's own story."""
    telling = Telling(scene.story, stories.is_readable(user, scene.story))
    pictures = stories.pictures_of(user, scene.story, [scene])
    return _cards(user, telling, [scene], pictures)[0]


def _cards(user: User, telling: Telling, scenes: Sequence[Scene], pictures: dict[UUID, Picture]) -> Sequence[SceneCard]:
    cards = []
    chapter = ""
    for scene in scenes:
        picture = pictures.get(scene.pk)
        is_new = telling.is_readable and scene.chapter != chapter
        chapter = scene.chapter
        cards.append(
            SceneCard(
                scene=scene,
                picture=picture,
                address=address_of(picture, user, "full") if picture else "",
                is_readable=telling.is_readable,
                is_finding=telling.is_live,
                chapter=chapter if is_new else "",
            )
        )
    return cards
