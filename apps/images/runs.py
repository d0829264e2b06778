"""What the middle of the studio shows: orders, each with a cell for every picture of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.core.errors import sentence_of, title_of
from apps.images.addresses import address_of
from apps.images.models import ImageJob, Picture
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.images.planning import flagged_of, order_of
from apps.images.quotas import result_size, steps_of
from apps.images.sheets import Sheet, axes_of, sheets_of
from apps.images.wording import caption, name_of_order
from apps.users.models import Team, User

Kind, State = ImageJob.Kind, ImageJob.State
SHOWN = 20
SMALL = 256  # pixels a side up to which a picture is shown enlarged
SHAPES = {1: "one", 2: "two"}  # pictures side by side that may be larger than in a wall of many


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture of an order; `picture` is None until it is drawn, and where it is `gone`, in words. In pixels."""

    number: int
    picture: Picture | None
    thumb: str
    width: int
    height: int
    caption: str
    name: str
    gone: str
    is_next: bool

    @property
    def is_small(self) -> bool:
        """Return whether the picture is smaller than what shows it."""
        return max(self.width, self.height) <= SMALL


@dataclass(frozen=True, slots=True)
class _Place:
    """Which picture of an order a cell shows: its number, what it differs in, where it stands in a grid."""

    number: int
    entry: Mapping[str, Any]
    caption: str
    gone: str


@dataclass(frozen=True, slots=True)
class Run:
    """An order with what became of it."""

    job: ImageJob
    order: Order
    prompt: str
    model: str
    width: int
    height: int
    cells: Sequence[Cell]
    sheets: Sequence[Sheet[Cell]]  # of a grid: the cells as tables
    order_json: str

    @property
    def is_live(self) -> bool:
        """Return whether it waits or is drawn."""
        return self.job.state in ImageJob.LIVE

    @property
    def standing(self) -> str:
        """Return what is said of it until the page asks for more."""
        return _("Waiting") if self.job.state == State.QUEUED else _("The model is being made ready")

    @property
    def was_stopped(self) -> bool:
        """Return whether its owner stopped it."""
        return self.job.state == State.CANCELLED

    @property
    def problem(self) -> str:
        """Return why it failed, in words; empty where it did not."""
        return sentence_of(self.job.error_code, self.job.error_params) if self.job.state == State.FAILED else ""

    @property
    def problem_title(self) -> str:
        """Return the failure in few words."""
        return title_of(self.job.error_code)

    @property
    def shows_steps(self) -> bool:
        """Return whether it was drawn by steps, and all of it by as many."""
        return self.job.kind != Kind.UPSCALE and all(axis.kind != "steps" for axis in self.order.axes)

    @property
    def steps(self) -> int:
        """Return the steps of one picture."""
        return steps_of(self.order)

    @property
    def seconds(self) -> float:
        """Return how long a worker was at it, once it has ended."""
        return 0.0 if self.is_live else self.job.seconds

    @property
    def shape(self) -> str:
        """Return how its cells are laid out: "one", "two", or "many"."""
        return SHAPES.get(len(self.cells), "many")


def recent_jobs(user: User, team: Team) -> list[ImageJob]:
    """Return the person's orders in the team that wait or are drawn, and the last ones that they did not put aside."""
    mine = ImageJob.objects.owned_by(user).filter(team=team, is_dismissed=False).exclude(kind=Kind.TRAIN)
    newest = list(mine.select_related("model").order_by("-created_at")[:SHOWN])
    if len(newest) < SHOWN:
        return newest
    # A queue may be longer than the page:
    older = mine.filter(state__in=ImageJob.LIVE, created_at__lt=newest[-1].created_at)
    return newest + list(older.select_related("model").order_by("-created_at"))


def runs_of(user: User, jobs: Iterable[ImageJob]) -> list[Run]:
    """Return what the page shows of these jobs, which are the person's own; one query for the pictures of all."""
    jobs = list(jobs)
    pictures: dict[UUID, dict[int, Picture]] = {job.pk: {} for job in jobs}
    for picture in Picture.objects.owned_by(user).filter(job__in=jobs, kind=Picture.Kind.DRAWN):
        if picture.job_id is not None:
            pictures[picture.job_id][picture.number] = picture
    return [_run(user, job, pictures[job.pk]) for job in jobs]


def run_of(user: User, job: ImageJob) -> Run:
    """Return what the page shows of one of the person's jobs."""
    return runs_of(user, [job])[0]


def _run(user: User, job: ImageJob, pictures: Mapping[int, Picture]) -> Run:
    order = order_from_json(job.order)
    width, height = result_size(order)
    cells = _cells(user, job, order, pictures)
    return Run(
        job=job,
        order=order,
        prompt=order.prompt.strip(),
        model=job.model.title if job.model else name_of_order(order),
        width=width,
        height=height,
        cells=cells,
        sheets=sheets_of(axes_of(order), [(job.plan[cell.number].get("cell") or (), cell) for cell in cells]),
        order_json=json.dumps(job.order),
    )


def _cells(user: User, job: ImageJob, order: Order, pictures: Mapping[int, Picture]) -> list[Cell]:
    axes = axes_of(order)
    seen = {number: picture for number, picture in pictures.items() if picture.deleted_at is None}
    numbers = _numbers(job, order, seen)
    following = next((number for number in numbers if number not in pictures), None)
    places = [
        _Place(number, job.plan[number], caption(axes, job.plan[number]), why_gone(job, number, pictures.get(number)))
        for number in numbers
    ]
    return [_cell(user, order, place, seen.get(place.number), is_next=place.number == following) for place in places]


def _numbers(job: ImageJob, order: Order, seen: Mapping[int, Picture]) -> list[int]:
    """Return the pictures that have a cell: those there, held back, and still to be drawn; in a grid all, if any."""
    if order.axes and (seen or job.state in ImageJob.LIVE):
        return list(range(len(job.plan)))
    shown = set(seen) | flagged_of(job)
    waiting = range(job.done, len(job.plan)) if job.state in ImageJob.LIVE else ()
    return sorted(shown.union(waiting))


def why_gone(job: ImageJob, number: int, picture: Picture | None) -> str:
    """Return in words why an order shows no picture of this number; empty where it does or will."""
    if picture is not None:
        return "" if picture.deleted_at is None else _("In the trash")
    if job.plan[number].get("is_flagged"):
        return _("Held back by the safety checker")
    if job.state in ImageJob.LIVE:
        return ""
    return _("Removed") if job.state == State.DONE else _("Not drawn")


def _cell(user: User, order: Order, place: _Place, picture: Picture | None, *, is_next: bool) -> Cell:
    width, height = (picture.width, picture.height) if picture else result_size(order_of(order, place.entry))
    return Cell(
        number=place.number,
        picture=picture,
        thumb=address_of(picture, user, "thumb") if picture else "",
        width=width,
        height=height,
        caption=place.caption,
        name=", ".join(filter(None, [place.caption, order.prompt[:120]])) or _("Picture"),
        gone=place.gone,
        is_next=is_next,
    )
