"""What a worker does with a job in one slice: draw its next picture, enlarge one, or train for a while."""

import logging
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.core import tenancy
from apps.core.crash import reach
from apps.core.errors import AppError
from apps.images import (
    drawings,
    errors,
    files,
    jobs,
    keeping,
    planning,
    prompting,
    queueing,
    resolving,
    safety,
    training,
)
from apps.images.models import ImageJob, Picture
from apps.images.orders import Order
from apps.runtimes import registry
from apps.runtimes.contracts import Picture as Pixels
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.drawing import Stopped, Upscaler

logger = logging.getLogger(__name__)
Kind = ImageJob.Kind
Slice = Callable[[jobs.Held, jobs.Watch], bool]  # returns whether the job is done


def work_on(held: jobs.Held) -> None:
    """Do one slice of a job, and settle it or give it back."""
    began = time.monotonic()
    watch: jobs.Watch | None = None
    try:
        with tenancy.acting_for(held.job.team_id), jobs.beating(held) as watch:
            is_over = _HANDLERS[held.job.kind](held, watch)
        (jobs.finish if is_over else jobs.give_back)(held, time.monotonic() - began - watch.loading_s)
        reach("picture-settled")
    except jobs.LostJob:
        logger.warning("another worker has this job", extra={"job": held.job.pk})
    except Stopped:
        steps = watch.last_step if watch else 0
        _settle(held, errors.JobCancelled(), time.monotonic() - began, steps)
    except AppError as error:
        _settle(held, error, time.monotonic() - began)
    except RuntimeFailure:
        logger.exception("the model failed", extra={"job": held.job.pk})
        _settle(held, errors.DrawingFailed(), time.monotonic() - began)
    finally:
        queueing.account(held.turn, time.monotonic() - began)


def give_up(held: jobs.Held) -> None:
    """Settle a job at which something broke that nobody foresaw."""
    _settle(held, errors.DrawingFailed(), 0.0)


def _settle(held: jobs.Held, error: AppError, seconds: float, steps: int = 0) -> None:
    logger.info("a job ends without its pictures", extra={"job": held.job.pk, "code": error.code})
    try:
        jobs.fail(held, error, seconds, steps=steps)
    except jobs.LostJob:
        logger.warning("another worker settled this job", extra={"job": held.job.pk})


def draw(held: jobs.Held, watch: jobs.Watch) -> bool:
    """Draw the next picture of a job; return whether it was the last one."""
    job = held.job
    watch.check()
    orders = planning.orders_of(job)
    drawn = set(Picture.objects.filter(job=job).values_list("number", flat=True))
    drawn |= planning.flagged_of(job)
    missing = [number for number in range(len(orders)) if number not in drawn]
    if not missing:
        return True
    watch.number = missing[0]
    order = orders[missing[0]]
    safety.check_prompts(job.team, {order.prompt} | prompting.said_by(planning.with_loras_read(order)))
    model = resolving.model_still(job, order.model)
    found, sources = _found(job, order, model)
    pixels = _pixels(order, model, found, watch)
    reach("picture-drawn")
    keeping.keep(held, missing[0], order, pixels, sources)
    reach("picture-kept")
    return len(missing) == 1


def _found(job: ImageJob, order: Order, model: AIModel) -> tuple[drawings.Found, Mapping[UUID, Picture]]:
    pictures = resolving.pictures_still(job.owner, job.team, order)
    adapters = resolving.adapters_of(job.owner, job.team, order, model)
    words = resolving.learnt_words(job.owner, job.team, model)
    try:
        pixels = {pk: files.read_pixels(picture) for pk, picture in pictures.items()}
    except FileNotFoundError as error:
        raise errors.SourceGone from error
    return drawings.Found(adapters, words, pixels), pictures


def _pixels(order: Order, model: AIModel, found: drawings.Found, watch: jobs.Watch) -> Pixels:
    loads_from = time.monotonic()
    by = drawings.upscaler_of(order, found)
    network = None if by is None else registry.upscaler(spec_of(by))
    if order.kind == Kind.UPSCALE:
        assert order.source is not None
        watch.loading_s = time.monotonic() - loads_from
        return _enlarged(found.pixels[order.source], order.upscale, network, watch)
    drawing = drawings.drawing_of(order, found, network)
    loaded = registry.image_model(spec_of(model))
    watch.loading_s = time.monotonic() - loads_from
    return loaded.draw(drawing, watch.on_step)


def _enlarged(source: Pixels, scale: float, network: Upscaler | None, watch: jobs.Watch) -> Pixels:
    return drawings.enlarged(source, scale) if network is None else network.upscale(source, scale, watch.on_step)


_HANDLERS: Mapping[str, Slice] = {
    Kind.DRAW: draw,
    Kind.REDRAW: draw,
    Kind.INPAINT: draw,
    Kind.OUTPAINT: draw,
    Kind.UPSCALE: draw,
    Kind.TRAIN: training.work,
}
