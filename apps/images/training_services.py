"""Trainings: begun, estimated, cancelled, gone on with, and what was learnt removed again."""

import itertools
import math
from collections.abc import Container, Iterable
from dataclasses import replace

from django.db import transaction
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from apps.catalog import managing
from apps.catalog.access import usable_models
from apps.catalog.found import short_name
from apps.catalog.models import AIModel
from apps.catalog.specs import spec_of
from apps.core.errors import AppError, NotFound
from apps.images import quotas, safety, tasks, training_files
from apps.images.access import access_job, access_pictures
from apps.images.errors import NotRepeatable
from apps.images.lessons import (
    LONGEST_WORD,
    Lesson,
    LongCaption,
    TokenTaken,
    lesson_from_json,
    lesson_to_json,
    validated,
)
from apps.images.limits import limits
from apps.images.models import ImageJob
from apps.images.queueing import place_for
from apps.images.quotas import Cost
from apps.images.resolving import model_of
from apps.images.training import DRAWN_STEPS
from apps.runtimes.clip_tokens import clip_tokens
from apps.runtimes.diffusion.chunks import CHUNK_TOKENS
from apps.users.access import access_team, acting_key, role_in
from apps.users.models import Role, Team, User

State = ImageJob.State
XL = "sdxl"
_SUFFIX = "abcdefghijkmnpqrstuvwxyz23456789"


class CannotTeach(AppError):
    """The model is of a kind whose adapters cannot be trained here. Param: model."""

    status = 422
    code = "training-model"
    title = _("This model cannot be taught here")
    detail = _("Adapters can be trained for Stable Diffusion 1 and 2. %(model)s is another kind of model.")


def place_lesson(*, user: User, team: Team, lesson: Lesson) -> ImageJob:
    """Put a training into the queue, with its quota held. For members of the team.

    Raises NotFound for pictures that are not theirs, an AppError for what cannot be taught, QueueFull and
    QuotaExceeded; nothing is kept or held then.
    """
    access_team(user, team.pk)
    lesson = validated(lesson)
    model = model_of(user, team, lesson.model)
    if model.capabilities.get("family") == XL:
        raise CannotTeach(model=model.title)
    if lesson.token in taught_words(user, team):
        raise TokenTaken(token=lesson.token)
    _check_captions(lesson, model)
    pictures = access_pictures(user, [shown.picture for shown in lesson.pictures])
    if any(picture.team_id != team.pk for picture in pictures):
        raise NotFound
    with safety.refusals_told(user, team):
        safety.check_prompts(team, _prompts(lesson))
    name = f"{short_name(lesson.title)[:60] or 'adapter'}-{get_random_string(5, _SUFFIX)}"
    return _queue(user, team, replace(lesson, model=model.name, adapter=name), model)


def taught_words(user: User, team: Team) -> set[str]:
    """Return the words that adapters of the team stand for, and those that are being taught in it; two queries."""
    adapters = usable_models(AIModel.Kind.ADAPTER, team_id=team.pk, user=user).exclude(token="")
    live = ImageJob.objects.filter(team=team, kind=ImageJob.Kind.TRAIN, state__in=ImageJob.LIVE)
    return {*adapters.values_list("token", flat=True), *live.values_list("order__token", flat=True)} - {"", None}


def free_word(wanted: str, taken: Container[str]) -> str:
    """Return the word `<wanted>`, with a number where it is taken."""
    names = itertools.chain([wanted], (f"{wanted[: LONGEST_WORD - 3]}-{number}" for number in range(2, 100)))
    return next((f"<{name}>" for name in names if f"<{name}>" not in taken), f"<{wanted}>")


def _check_captions(lesson: Lesson, model: AIModel) -> None:
    """Raise LongCaption where the text encoder would be shown a part of a description only."""
    tokens = clip_tokens(spec_of(model))
    if tokens is None:
        return
    for caption in {lesson.class_prompt, *(each.caption for each in lesson.pictures)}:
        words = caption.replace(lesson.token, " ") if lesson.token else caption
        vectors = caption.count(lesson.token) * lesson.vectors if lesson.token else 0
        if (length := len(tokens.ids(words)) + vectors) > CHUNK_TOKENS:
            raise LongCaption(caption=f"{caption[:40]}…", tokens=length, limit=CHUNK_TOKENS)


def _prompts(lesson: Lesson) -> Iterable[str]:
    return [lesson.title, lesson.class_prompt, lesson.validation_prompt, *(each.caption for each in lesson.pictures)]


def _queue(user: User, team: Team, lesson: Lesson, model: AIModel, done: int = 0) -> ImageJob:
    key = acting_key.get()
    cost = cost_of(lesson, done)
    with transaction.atomic(), place_for(user, team, limits()):
        job = ImageJob.objects.create(
            team=team, owner=user, kind=ImageJob.Kind.TRAIN, model=model, order=lesson_to_json(lesson), plan=[],
            total=lesson.steps, steps=lesson.steps, pixel_steps=cost.pixel_steps,
            reservation=quotas.reserve(user=user, team=team, cost=cost, model=model.name),
            api_key=key.key_id if key else None,
        )  # fmt: skip
        tasks.ring_on_commit()
    return job


def cost_of(lesson: Lesson, done: int = 0) -> Cost:
    """Return what is held for a training that goes on after the step `done`: its steps and what it draws itself."""
    pixels = lesson.side**2
    batch = lesson.batch * (2 if lesson.class_pictures else 1)
    drawn = math.ceil(lesson.steps / lesson.validation_every) if lesson.validation_prompt else 0
    steps = (lesson.steps - done) * batch + (drawn + lesson.class_pictures) * DRAWN_STEPS
    return Cost(0, math.ceil(pixels * steps / 1_000), drawn * (pixels * 3 + quotas.FILE_BYTES))


def resume(*, user: User, job: ImageJob) -> ImageJob:
    """Go on with a training that was cancelled or failed, as a new job that takes over its checkpoint.

    Raises NotRepeatable where the checkpoint is gone, and what `place_lesson` raises for the team's rules and limits.
    """
    job = access_job(user, job.pk)
    if not is_resumable(job):
        raise NotRepeatable
    lesson = validated(lesson_from_json(job.order))
    model = model_of(user, job.team, lesson.model)
    with safety.refusals_told(user, job.team):
        safety.check_prompts(job.team, _prompts(lesson))
    with transaction.atomic():
        new = _queue(user, job.team, lesson, model, job.done)
        training_files.hand_over(job, new)
        ImageJob.objects.filter(pk=new.pk).update(done=job.done, plan=job.plan)
        ImageJob.objects.filter(pk=job.pk).update(is_dismissed=True)
        transaction.on_commit(lambda: training_files.forget(job))
    new.refresh_from_db()
    return new


def is_resumable(job: ImageJob) -> bool:
    """Return whether a training ended early and can go on."""
    is_ended = job.kind == ImageJob.Kind.TRAIN and job.state in {State.FAILED, State.CANCELLED}
    return is_ended and training_files.has_checkpoint(job)


def result_of(job: ImageJob) -> AIModel | None:
    """Return the adapter that a training made, None where it is not done or was removed."""
    if job.state != State.DONE:
        return None
    found = AIModel.objects.filter(name=str(job.order.get("adapter", "")), kind=AIModel.Kind.ADAPTER)
    return found.filter(capabilities__job=str(job.pk)).first()


def remove_result(*, user: User, adapter: AIModel, team: Team) -> None:
    """Remove an adapter that was trained in the team, with its files: who trained it may, and the team's admins.

    Raises NotFound.
    """
    access_team(user, team.pk)
    job = ImageJob.objects.filter(team=team, kind=ImageJob.Kind.TRAIN, pk=adapter.capabilities.get("job")).first()
    role = role_in(user, team.pk)
    if job is None or not (job.owner_id == user.pk or (role is not None and role.covers(Role.ADMIN))):
        raise NotFound
    managing.remove(user=user, model=adapter, with_files=True)


def remove_adapters_of(team: Team) -> int:
    """Remove the adapters that were trained in a team that is removed, with their files; return how many."""
    jobs = ImageJob.objects.filter(team=team, kind=ImageJob.Kind.TRAIN, state=State.DONE)
    names = [str(order.get("adapter", "")) for order in jobs.values_list("order", flat=True)]
    found = list(AIModel.objects.filter(name__in=names, kind=AIModel.Kind.ADAPTER, is_open=False))
    for adapter in found:
        managing.remove(user=None, model=adapter, with_files=True)
    return len(found)
