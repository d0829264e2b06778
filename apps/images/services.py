"""Orders: placed, estimated, cancelled, tried again. What becomes of pictures and boards is in `gallery`, `boards`."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.catalog.models import AIModel
from apps.core.errors import NotFound
from apps.images import jobs, pace, quotas, safety, tasks
from apps.images.access import access_board, access_job, board_still
from apps.images.errors import NotRepeatable, PromptsTooLong, TooLarge
from apps.images.limits import Limits, limits
from apps.images.models import Board, ImageJob
from apps.images.ordering import order_from_json, order_to_json, validated
from apps.images.orders import Order
from apps.images.planning import Entry, Prepared, flagged_of, plan, with_loras_read
from apps.images.prompting import negative_of, said_by
from apps.images.queueing import place_for
from apps.images.quotas import Cost
from apps.images.resolving import adapters_of, model_of, pictures_of, with_source_size, words_of
from apps.users.access import access_team, acting_key
from apps.users.models import Role, Team, User

State = ImageJob.State
MOST_SAID = 2_000_000  # characters of all prompts of an order, step by step: some seconds of looking for words


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an order would draw. `seconds` of a worker, without the wait; None where the model never drew."""

    pictures: int
    pixel_steps: int  # in thousands
    seconds: float | None
    prompts: tuple[str, ...]  # of the pictures, in order
    size: tuple[int, int] | None = None  # of the pictures that come out; None where they differ
    cells: tuple[int, ...] = ()  # of a grid: the number of values of each axis


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An order that may be drawn for this person in this team, and what it costs."""

    prepared: Prepared
    model: AIModel
    cost: Cost


def place_order(*, user: User, team: Team, order: Order, board: Board | None = None) -> ImageJob:
    """Put an order into the queue, with its quota held. For members of the team.

    Raises NotFound for what is not theirs, an AppError of `images.errors` or `images.grammar.errors` for what cannot
    be drawn, QueueFull and QuotaExceeded; nothing is kept or held then.
    """
    with safety.refusals_told(user, team):
        wanted = _wanted(user, team, order)
    return _queue(user, team, wanted, board)


def estimate(*, user: User, team: Team, order: Order) -> Estimate:
    """Return what an order would draw. Raises what `place_order` raises for an order that cannot be drawn."""
    wanted = _wanted(user, team, order)
    seconds = pace.seconds_of(wanted.model.pk, wanted.cost.pixel_steps)
    orders = wanted.prepared.orders()
    prompts = tuple(each.prompt for each in orders)
    sizes = {quotas.result_size(each) for each in orders}
    places = zip(*(entry["cell"] for entry in wanted.prepared.entries if "cell" in entry), strict=True)
    cells = tuple(max(axis) + 1 for axis in places)
    size = sizes.pop() if len(sizes) == 1 else None
    return Estimate(wanted.cost.pictures, wanted.cost.pixel_steps, seconds, prompts, size, cells)


def _wanted(user: User, team: Team, order: Order, entries: list[Entry] | None = None) -> _Wanted:
    """Return the order with all that it makes, checked; `entries` are those of a former plan that are missing."""
    access_team(user, team.pk)
    bounds = limits()
    order = validated(order, bounds)
    model = model_of(user, team, order.model)
    order = with_source_size(replace(order, model=model.name), pictures_of(user, team, order))
    prepared = Prepared(order, plan(order, words_of(team, order), bounds) if entries is None else entries)
    orders = prepared.orders()
    checked: set[tuple[str, ...]] = set()
    said: set[str] = set()
    for each in orders:
        named = with_loras_read(each)
        said |= _check(named, bounds) | {each.prompt, *(lora.name for lora in named.loras)}
        if sum(map(len, said)) > MOST_SAID:
            raise PromptsTooLong(limit=MOST_SAID)
        names = (each.model, *(lora.name for lora in named.loras))
        if names not in checked:  # the pictures of a grid mostly name the same
            checked.add(names)
            adapters_of(user, team, each, model if each.model == model.name else model_of(user, team, each.model))
    safety.check_prompts(team, said)
    return _Wanted(prepared, model, quotas.cost_of(orders))


def _check(order: Order, bounds: Limits) -> set[str]:
    """Return what the prompt of one picture says, step by step; LoRA tags were taken out. Raises what is wrong."""
    validated(order, bounds)
    _check_result(order, bounds)
    if order.kind != ImageJob.Kind.UPSCALE:
        negative_of(order)
    return said_by(order)


def _check_result(order: Order, bounds: Limits) -> None:
    width, height = quotas.result_size(order)
    if width * height > bounds.max_result_pixels:
        raise TooLarge(width=width, height=height, megapixels=bounds.max_result_pixels / 1e6)


def _queue(user: User, team: Team, wanted: _Wanted, board: Board | None) -> ImageJob:
    order, entries = wanted.prepared.order, wanted.prepared.entries
    if board is not None and access_board(user, board.pk, at_least=Role.EDITOR).team_id != team.pk:
        raise NotFound
    key = acting_key.get()
    with transaction.atomic(), place_for(user, team, limits()):
        job = ImageJob.objects.create(
            team=team, owner=user, kind=order.kind, model=wanted.model, board=board,
            order=order_to_json(order), plan=entries, total=len(entries),
            steps=quotas.steps_of(order), pixel_steps=wanted.cost.pixel_steps,
            reservation=quotas.reserve(user=user, team=team, cost=wanted.cost, model=wanted.model.name),
            api_key=key.key_id if key else None,
        )  # fmt: skip
        tasks.ring_on_commit()
    return job


def cancel(*, user: User, job: ImageJob) -> bool:
    """Cancel the person's own job: at once while it waits, within one step while it is drawn. Return whether it lived.

    The pictures that are done stay, and are all that is counted, with the steps of the one that is broken off.
    """
    return jobs.cancel(access_job(user, job.pk).pk)


def cancel_all(*, user: User, team: Team) -> int:
    """Cancel all of the person's orders in the team, those that wait and those that are drawn; return how many.

    Trainings go on: they have a page of their own.
    """
    live = ImageJob.objects.owned_by(user).filter(team=team, state__in=ImageJob.LIVE).exclude(kind=ImageJob.Kind.TRAIN)
    waiting_first = live.order_by("state").values_list("pk", flat=True)  # else the worker would begin the next one
    return sum(jobs.cancel(job_id) for job_id in list(waiting_first))


def retry(*, user: User, job: ImageJob) -> ImageJob:
    """Order again what a failed or cancelled job did not draw, with the same seeds. Raises NotRepeatable."""
    job = access_job(user, job.pk)
    if job.state not in {State.FAILED, State.CANCELLED} or job.kind == ImageJob.Kind.TRAIN:
        raise NotRepeatable
    drawn = set(job.pictures.values_list("number", flat=True)) | flagged_of(job)
    missing: list[Entry] = [entry for number, entry in enumerate(job.plan) if number not in drawn]
    if not missing:
        raise NotRepeatable
    wanted = _wanted(user, job.team, order_from_json(job.order), missing)
    new = _queue(user, job.team, wanted, board_still(job))
    dismiss(user=user, job=job)
    return new


def dismiss(*, user: User, job: ImageJob) -> None:
    """Take a job that has ended off the person's list."""
    jobs.dismiss(ImageJob.objects.owned_by(user).filter(pk=job.pk))


def dismiss_all(*, user: User, team: Team) -> list[UUID]:
    """Take all orders that ended off the person's list; return which."""
    ended = ImageJob.objects.owned_by(user).filter(team=team, is_dismissed=False).exclude(kind=ImageJob.Kind.TRAIN)
    chosen = list(ended.exclude(state__in=ImageJob.LIVE).values_list("pk", flat=True))
    jobs.dismiss(ImageJob.objects.filter(pk__in=chosen))
    return chosen


def bring_back(*, user: User, job_ids: Collection[UUID]) -> int:
    """Put the person's own jobs on their list again; return how many."""
    mine = ImageJob.objects.owned_by(user).filter(pk__in=job_ids, is_dismissed=True)
    return mine.update(is_dismissed=False, updated_at=F("updated_at"))
