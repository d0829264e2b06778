"""What the pages of stories show: scenes with passage, prompt and picture, as far as their owner may see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.errors import sentence_of
from apps.core.templatetags.shell import seconds as duration
from apps.images import live, quotas, scenes
from apps.images.addresses import address_of
from apps.images.live import Live
from apps.images.models import ImageJob, Picture, Scene, Story, Style
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.images.standing import Standing, standing
from apps.images.stories import Telling
from apps.metering.models import Resource
from apps.metering.wording import amount_of
from apps.users.models import User

State = ImageJob.State
UNWRITTEN = "unwritten-"  # in the version of a scene


@dataclass(frozen=True, slots=True)
class Changes:
    """The scenes of which a page shows something new: how far they are, another picture, the words just written."""

    states: Sequence["SceneCard"]
    pictures: Sequence["SceneCard"]
    words: Sequence["SceneCard"]


@dataclass(frozen=True, slots=True)
class SceneCard:
    """A scene; without `is_readable` its text and prompt are not shown."""

    scene: Scene
    picture: Picture | None
    address: str
    is_readable: bool
    is_finding: bool
    chapter: str = ""  # where it is another than the scene's before
    place: Standing | None = None
    progress: Live | None = None

    @property
    def is_drawing(self) -> bool:
        """Return whether its picture waits or is drawn."""
        return scenes.is_drawing(self.scene)

    @property
    def is_unwritten(self) -> bool:
        """Return whether a model still writes its prompt: nothing is typed into it then."""
        return self.is_finding and not self.scene.prompt

    @property
    def version(self) -> str:
        """Return what the page compares: with another one there is more to show than how far it is."""
        return f"{UNWRITTEN if self.is_unwritten else ''}{self.picture.pk if self.picture else ''}"

    @property
    def standing(self) -> str:
        """Return how far its picture is, in words."""
        if self.progress is not None:
            return _("Step %(step)s of %(steps)s") % {"step": self.progress.step, "steps": self.progress.steps}
        if self.place is None or not self.place.position:
            return _("The model is being made ready")
        words = [_("Place %(n)s in line") % {"n": self.place.position}]
        if self.place.seconds is not None:
            words.append(_("about %(time)s") % {"time": duration(self.place.seconds)})
        return " · ".join(words)

    @property
    def problem(self) -> str:
        """Return why its picture failed, in words."""
        job = self.scene.job
        return sentence_of(job.error_code, job.error_params) if job is not None and job.state == State.FAILED else ""


@dataclass(frozen=True, slots=True)
class StoryPage:
    """A story with all its scenes; `styles` are those of the team."""

    telling: Telling
    scenes: Sequence[SceneCard]
    order: Order
    styles: Sequence[Style] = ()

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
    def drawing(self) -> int:
        """Return how many pictures wait or are drawn."""
        return sum(each.is_drawing for each in self.scenes)

    @property
    def is_live(self) -> bool:
        """Return whether something of it changes by itself."""
        return self.telling.is_live or bool(self.drawing)

    @property
    def waiting(self) -> int:
        """Return how many scenes can be drawn now and have no picture."""
        return sum(bool(each.scene.prompt and not each.picture and not each.is_drawing) for each in self.scenes)

    @property
    def drawn(self) -> int:
        """Return how many scenes have a picture."""
        return sum(each.picture is not None for each in self.scenes)

    @property
    def written(self) -> int:
        """Return how many scenes have a prompt."""
        return sum(bool(each.scene.prompt) for each in self.scenes)

    @property
    def cost(self) -> str:
        """Return what the pictures that are missing take, in words."""
        pictures = ngettext("%(n)s picture", "%(n)s pictures", self.waiting) % {"n": self.waiting}
        return f"{pictures} · {amount_of(Resource.PIXEL_STEPS, self.waiting * quotas.pixel_steps_of(self.order))}"


def story_page(user: User, story: Story) -> StoryPage:
    """Return a person's own story as they may see it now."""
    found = scenes.scenes_of(story)
    telling = Telling(story, scenes.is_readable(user, story), len(found), sum(bool(each.prompt) for each in found))
    return StoryPage(
        telling=telling,
        scenes=_cards(user, telling, found),
        order=order_from_json(story.order),
        styles=list(Style.objects.filter(team=story.team_id)),
    )


def changes(page: StoryPage, seen: Collection[str]) -> Changes:
    """Return what is new of the scenes that were live when the page looked last, `seen` as "<id>:<version>" each.

    Words that the person can type into are never among it.
    """
    versions = dict(text.split(":", 1) for text in seen if ":" in text)
    states = [card for card in page.scenes if str(card.scene.pk) in versions]
    others = [card for card in states if versions[str(card.scene.pk)] != card.version]
    return Changes(
        states=states,
        pictures=[card for card in others if card.picture],
        words=[card for card in others if card.is_readable and versions[str(card.scene.pk)].startswith(UNWRITTEN)],
    )


def _cards(user: User, telling: Telling, found: Sequence[Scene]) -> Sequence[SceneCard]:
    pictures = scenes.pictures_of(user, telling.story, found)
    jobs = [scene.job for scene in found if scene.job is not None and scene.job.state in ImageJob.LIVE]
    places, shown = standing(jobs), live.progress_of(job.pk for job in jobs)
    cards = []
    chapter = ""
    for scene in found:
        is_new = telling.is_readable and scene.chapter != chapter
        chapter = scene.chapter
        job_id: UUID | None = scene.job_id
        cards.append(
            SceneCard(
                scene=scene,
                picture=pictures.get(scene.pk),
                address=_address(user, pictures.get(scene.pk)),
                is_readable=telling.is_readable,
                is_finding=telling.is_live,
                chapter=chapter if is_new else "",
                place=places.get(job_id) if job_id else None,
                progress=shown.get(job_id) if job_id else None,
            )
        )
    return cards


def _address(user: User, picture: Picture | None) -> str:
    return address_of(picture, user, "full") if picture else ""
