"""What the pages about training show: the trainings of a person, one in detail, what the team's were made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.core.errors import NotFound, sentence_of
from apps.images import training_services
from apps.images.access import access_job
from apps.images.addresses import address_of
from apps.images.lessons import Lesson, lesson_from_json
from apps.images.models import ImageJob, Picture
from apps.images.orders import LoraWish
from apps.images.standing import Standing, standing
from apps.images.studio_page import Studio
from apps.images.training_services import XL
from apps.images.wording import time_of
from apps.users.models import Team, User

State = ImageJob.State
LISTED = 30
WIDTH, HEIGHT = 600, 140  # of the curve
SMOOTHED = 12  # points of the curve that are averaged


@dataclass(frozen=True)
class Training:
    """A training as its owner sees it."""

    user: User
    job: ImageJob
    result: AIModel | None
    shown: Mapping[int, Picture]
    place: Standing | None = None  # in the queue, while it lives

    @cached_property
    def lesson(self) -> Lesson:
        """Return what it is to learn."""
        return lesson_from_json(self.job.order)

    @property
    def is_live(self) -> bool:
        """Return whether it waits or runs."""
        return self.job.state in {State.QUEUED, State.RUNNING}

    @property
    def status(self) -> str:
        """Return the word that colours its state; between its slices it goes on."""
        if self.job.state == State.QUEUED and self.job.done:
            return "running"
        return {State.DONE: "ready", State.QUEUED: "queued", State.RUNNING: "running", State.FAILED: "failed"}.get(
            State(self.job.state), "cancelled"
        )

    @property
    def done(self) -> int:
        """Return the steps that are done, those of the slice under way included."""
        return max(self.job.done, self.job.step) if self.job.state == State.RUNNING else self.job.done

    @property
    def percent(self) -> int:
        """Return how far it is."""
        return round(100 * self.done / max(1, self.job.total))

    @property
    def waits_for(self) -> str:
        """Return in words where it stands in the queue and when it will be done, as far as that is known."""
        if self.place is None:
            return ""
        before = self.place.position - 1
        parts = [
            ngettext("%(n)s order comes before", "%(n)s orders come before", before) % {"n": before}
            if before > 0 and not self.job.done
            else "",
            _("about %(time)s left") % {"time": time_of(self.place.seconds)} if self.place.seconds is not None else "",
        ]
        return " · ".join(filter(None, parts))

    @property
    def is_resumable(self) -> bool:
        """Return whether it ended early and can go on."""
        return training_services.is_resumable(self.job)

    @property
    def problem(self) -> str:
        """Return in a sentence why it failed."""
        return sentence_of(self.job.error_code, self.job.error_params) if self.job.state == State.FAILED else ""

    @property
    def pictures(self) -> list[tuple[int, str]]:
        """Return the test pictures as (step, address), the last one last."""
        every, total = self.lesson.validation_every, self.job.total
        return [
            (min(number * every, total), address_of(picture, self.user, "full"))
            for number, picture in sorted(self.shown.items())
        ]

    @property
    def loss(self) -> float | None:
        """Return the mean loss of the last steps."""
        last = self._losses[-SMOOTHED:]
        return sum(last) / len(last) if last else None

    @property
    def _losses(self) -> list[float]:
        return [float(point["loss"]) for point in self.job.plan]

    @property
    def highest(self) -> float:
        """Return the loss at the upper edge of the curve."""
        return max(smoothed(self._losses), default=0.0)

    @property
    def curve(self) -> str:
        """Return the points of the smoothed loss for an SVG of WIDTH x HEIGHT; "" before there is one."""
        losses = smoothed(self._losses)
        if len(losses) < 2:  # noqa: PLR2004 -- a line has two ends
            return ""
        most, total = self.highest or 1.0, max(1, self.job.total)
        steps = [float(point["step"]) for point in self.job.plan]
        return " ".join(
            f"{step / total * WIDTH:.1f},{HEIGHT - loss / most * (HEIGHT - 8):.1f}"
            for step, loss in zip(steps, losses, strict=True)
        )


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return the mean of each point with those before it, SMOOTHED at most."""
    parts = [losses[max(0, end - SMOOTHED) : end] for end in range(1, len(losses) + 1)]
    return [sum(part) / len(part) for part in parts]


def trainings_of(user: User, team: Team) -> list[Training]:
    """Return the person's last trainings in the team; three queries, and those of `standing` where some live."""
    jobs = list(
        ImageJob.objects.owned_by(user)
        .filter(team=team, kind=ImageJob.Kind.TRAIN)
        .select_related("model")
        .order_by("-created_at")[:LISTED]
    )
    results = _results(jobs)
    shown = _pictures(jobs)
    places = standing(jobs)
    return [Training(user, job, results.get(job.pk), shown.get(job.pk, {}), places.get(job.pk)) for job in jobs]


def training_of(user: User, job_id: UUID) -> Training:
    """Return the person's own training. Raises NotFound."""
    job = access_job(user, job_id)
    if job.kind != ImageJob.Kind.TRAIN:
        raise NotFound
    shown = _pictures([job]).get(job.pk, {})
    return Training(user, job, _results([job]).get(job.pk), shown, standing([job]).get(job.pk))


def _results(jobs: Sequence[ImageJob]) -> dict[UUID, AIModel]:
    """Return the adapters that the trainings made, by training."""
    names = [str(job.order.get("adapter", "")) for job in jobs if job.state == State.DONE]
    found = {each.capabilities.get("job"): each for each in AIModel.objects.filter(name__in=names)} if names else {}
    return {job.pk: found[str(job.pk)] for job in jobs if str(job.pk) in found}


def _pictures(jobs: Sequence[ImageJob]) -> dict[UUID, dict[int, Picture]]:
    found: dict[UUID, dict[int, Picture]] = {}
    for picture in Picture.objects.filter(job__in=jobs, kind=Picture.Kind.DRAWN, deleted_at=None, taken_down_at=None):
        assert picture.job_id is not None
        found.setdefault(picture.job_id, {})[picture.number] = picture
    return found


def with_adapter(page: Studio, name: str) -> Studio:
    """Return the studio's page whose form begins with an adapter and what it was taught; as it is for no such name."""
    found = next((each for each in [*page.loras, *page.words] if each.name == name), None)
    if found is None:
        return page
    triggers = found.capabilities.get("triggers") or [found.token]
    base = found.capabilities.get("base")
    model = base if base in {each.name for each in page.models} else page.start.model
    loras = (LoraWish(found.name),) if found.adapter == AIModel.Adapter.LORA else ()
    begun = replace(page.start, model=str(model), prompt=str(triggers[0]), loras=loras)
    return replace(page, draft=begun)


def teachable(user: User, team: Team) -> list[AIModel]:
    """Return the models that adapters can be trained for, the team's default first."""
    models = usable_models(AIModel.Kind.IMAGE, team_id=team.pk, user=user)
    return [model for model in models if model.capabilities.get("family") != XL]
