"""What a worker does with a training: one slice of a job, from its checkpoint to the next one.

Between slices the job lies in the queue again, so that people who draw wait for seconds, not for a training. Nothing
but the database and the media storage holds it: any worker takes it on after any crash.
"""

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.core.errors import NotFound
from apps.images import drawings, files, jobs, keeping, resolving, training_files
from apps.images.access import access_pictures
from apps.images.errors import SourceGone
from apps.images.lessons import Lesson, lesson_from_json
from apps.images.models import ImageJob, Picture
from apps.images.orders import LoraWish, Order
from apps.images.suiting import suited
from apps.images.training_cards import register
from apps.runtimes import registry
from apps.runtimes.drawing import LoraUse, OnStep, Progress, Stopped, TokenUse
from apps.runtimes.training import Course, Example, Pace, Trainer

DRAWN_STEPS = 20  # of validation pictures and of pictures of the class
CURVE_POINTS = 200


class SliceOver(Stopped):
    """The slice's time is over; the training goes on in the next one."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A job of this worker, what it is to learn, and until when (by the monotonic clock)."""

    held: jobs.Held
    watch: jobs.Watch
    lesson: Lesson
    model: AIModel
    ends_at: float

    @property
    def job(self) -> ImageJob:
        """Return the job."""
        return self.held.job

    @property
    def is_over(self) -> bool:
        """Return whether its time is over."""
        return time.monotonic() >= self.ends_at


def work(held: jobs.Held, watch: jobs.Watch) -> bool:
    """Train for a slice; return whether the adapter is finished and in the catalogue.

    Raises JobCancelled, Stopped, LostJob, RuntimeFailure, and an AppError where what it needs is gone.
    """
    watch.check()
    lesson, model = lesson_from_json(held.job.order), resolving.model_still(held.job)
    trainer = registry.image_trainer(spec_of(model))  # before the clock starts: the first one is loaded
    now = Slice(held, watch, lesson, model, time.monotonic() + settings.ENV.image_training_slice_s)
    if not _draw_priors(now):
        return False
    course = _course(now)
    began = now.job.done
    with _checkpoint(now) as path:
        while not _is_finished(now, trainer, course, path):
            if now.is_over and now.job.done > began:
                return False
            _learn(now, trainer, course, path)
        register(now.job, lesson, model, lambda target, notes: trainer.export(course, path, target, notes))
    training_files.forget(now.job)
    return True


def _is_finished(now: Slice, trainer: Trainer, course: Course, path: Path) -> bool:
    """Draw the picture that is due after this step, and return whether it was the last one."""
    if now.job.done in _due(now.lesson):
        _validate(now, trainer, course, path)
    return bool(now.job.done >= now.lesson.steps)


@contextmanager
def _checkpoint(now: Slice) -> Iterator[Path]:
    """Yield the job's checkpoint as a file of this machine; it need not be there yet."""
    with tempfile.TemporaryDirectory(prefix="training-") as folder:
        path = Path(folder) / "checkpoint.safetensors"
        training_files.fetch(now.job, path)
        yield path


def _due(lesson: Lesson) -> set[int]:
    """Return the steps after which a picture is drawn to see how far it is."""
    return {*range(lesson.validation_every, lesson.steps, lesson.validation_every), lesson.steps}


def _learn(now: Slice, trainer: Trainer, course: Course, path: Path) -> None:
    """Train up to the next picture or the slice's end, and keep what was learnt, stopped or not."""
    until = min(step for step in _due(now.lesson) if step > now.job.done)
    losses: list[float] = []

    def told(pace: Pace) -> None:
        losses.append(pace.loss)
        now.watch.on_step(Progress(pace.step, now.lesson.steps))
        if now.is_over and pace.step < until:
            raise SliceOver

    try:
        trainer.train(course, path, until=until, on_step=told)
    except SliceOver:
        return
    finally:
        _keep(now, path, losses)


def _keep(now: Slice, path: Path, losses: list[float]) -> None:
    """Store the checkpoint, and then point the row to it: a crash in between costs this slice alone."""
    if not losses:
        return
    job, before = now.job, now.job.done
    done = before + len(losses)
    training_files.store(job, path, done)
    curve = curve_with(job.plan, before, losses, now.lesson.steps)
    if not now.held.rows().update(done=done, plan=curve):
        raise jobs.LostJob
    job.done, job.plan = done, curve
    training_files.forget(job, but=done)
    now.watch.step(done, now.lesson.steps)


def curve_with(curve: list[dict[str, float]], before: int, losses: list[float], steps: int) -> list[dict[str, float]]:
    """Return the curve of the loss with further steps, each point the mean of the steps since the last one."""
    every = max(1, math.ceil(steps / CURVE_POINTS))
    found = list(curve)
    for start in range(0, len(losses), every):
        part = losses[start : start + every]
        found.append({"step": before + start + len(part), "loss": round(sum(part) / len(part), 5)})
    return found


def _course(now: Slice) -> Course:
    lesson, job = now.lesson, now.job
    side = (lesson.side, lesson.side)
    try:
        rows = access_pictures(job.owner, [each.picture for each in lesson.pictures])
        examples = [
            Example(drawings.resized(files.read_pixels(row), side), shown.caption)
            for row, shown in zip(rows, lesson.pictures, strict=True)
        ]
    except (NotFound, FileNotFoundError) as error:
        raise SourceGone from error
    priors = [Example(pixels, lesson.class_prompt) for pixels in training_files.priors(job, lesson.class_pictures)]
    return Course(
        method=lesson.method, examples=tuple(examples), steps=lesson.steps, learning_rate=lesson.learning_rate,
        seed=lesson.seed, batch=lesson.batch, rank=lesson.rank, trains_text=lesson.trains_text, token=lesson.token,
        initial=lesson.initial, vectors=lesson.vectors, priors=tuple(priors),
    )  # fmt: skip


def _order(now: Slice, prompt: str, seed: int) -> Order:
    """Return the order of a picture that the training itself asks for."""
    side = now.lesson.side
    said = {"prompt": prompt, "width": side, "height": side, "steps": DRAWN_STEPS, "seed": seed}
    return Order(**suited(now.model, said))


def _draw_priors(now: Slice) -> bool:
    """Draw pictures of the class by the model as it is; return whether all are there. Raises Stopped."""
    lesson = now.lesson
    for number in range(lesson.class_pictures if now.job.done == 0 else 0):
        if training_files.has_prior(now.job, number):
            continue
        if now.is_over:
            return False
        order = _order(now, lesson.class_prompt, (lesson.seed + 1 + number) % 2**32)
        drawing = drawings.drawing_of(order, drawings.Found())
        training_files.store_prior(now.job, number, registry.image_model(spec_of(now.model)).draw(drawing, _asked(now)))
    return True


def _asked(now: Slice) -> OnStep:
    """Return what listens to each step of a picture: it hears a cancellation and shows nothing."""
    return lambda _progress: now.watch.on_step(Progress(now.job.done, now.lesson.steps))


def _validate(now: Slice, trainer: Trainer, course: Course, path: Path) -> None:
    """Draw the validation picture of this step by what was learnt so far, and keep it with the job."""
    lesson, job = now.lesson, now.job
    number = math.ceil(job.done / lesson.validation_every)
    if not lesson.validation_prompt or Picture.objects.filter(job=job, number=number).exists():
        return
    order = _order(now, lesson.validation_prompt, lesson.seed)
    drawing = drawings.drawing_of(order, drawings.Found())
    adapter = path.with_name("adapter.safetensors")
    trainer.export(course, path, adapter, {})
    if lesson.method == "textual_inversion":
        drawing = replace(drawing, tokens=(TokenUse(lesson.token, str(adapter)),))
    else:
        drawing = replace(drawing, loras=(LoraUse(f"lora_{job.pk.hex}_{job.done}", str(adapter), 1.0, 1.0),))
        order = replace(order, loras=(LoraWish(lesson.adapter),))
    pixels = registry.image_model(spec_of(now.model)).draw(drawing, _asked(now))
    keeping.keep(now.held, number, order, pixels, {}, is_counted=False)
