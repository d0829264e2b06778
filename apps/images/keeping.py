"""Keeps a picture that was drawn: its file with what it was drawn by, and its row."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.catalog.models import AIModel
from apps.core.crash import reach
from apps.core.uploading import NO_SPACE
from apps.images import checking, errors, files, jobs, provenance, safety, watermarks
from apps.images.access import board_still
from apps.images.models import ImageJob, Picture
from apps.images.ordering import order_to_json
from apps.images.orders import Order
from apps.runtimes.contracts import Picture as Pixels


def keep(
    held: jobs.Held,
    number: int,
    order: Order,
    pixels: Pixels,
    sources: Mapping[UUID, Picture],
    *,
    is_counted: bool = True,
) -> None:
    """Store a picture with its row, and count it as one that the job is done with; a training counts its steps.

    One that the safety checker flags is not stored but noted in the job's plan. Raises LostJob, CheckerMissing, and
    NoSpace on a full disk; no file is left then.
    """
    job, model = held.job, _model(held.job, order)
    rules = safety.rules_of(job.team_id)
    if rules.is_checked and checking.is_flagged(pixels):
        _note_flagged(held, number, is_counted=is_counted)
        return
    mark = None if rules.watermark is None else rules.watermark or job.team.name
    pixels = watermarks.marked(pixels, mark or "")
    try:
        stored = files.write(job.team_id, pixels, _texts(job, model, order, pixels, mark))
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise errors.NoSpace from error
    reach("picture-stored")
    try:
        with transaction.atomic():
            row = held.lock()
            picture = _picture(row, number, order, stored, sources)
            picture.model_name, picture.model_sha256 = (model.name, model.sha256) if model else ("", "")
            picture.save(force_insert=True)
            ImageJob.objects.filter(pk=row.pk).update(done=row.done + int(is_counted), step=0)
    except jobs.LostJob:
        files.remove([stored.file, stored.thumbnail])
        raise


def _note_flagged(held: jobs.Held, number: int, *, is_counted: bool) -> None:
    """Keep in the plan that a picture was drawn and held back; those that a training shows are merely left out."""
    if not is_counted:
        return
    with transaction.atomic():
        row = held.lock()
        row.plan[number]["is_flagged"] = True
        row.step = 0
        row.save(update_fields=["plan", "step", "updated_at"])


def _model(job: ImageJob, order: Order) -> AIModel | None:
    """Return what drew the picture: the job's model, or in a grid of models the one of its order."""
    if job.model is None or order.model in {"", job.model.name}:
        return job.model
    return AIModel.objects.filter(name=order.model).first()


def _picture(
    job: ImageJob, number: int, order: Order, stored: files.Stored, sources: Mapping[UUID, Picture]
) -> Picture:
    return Picture(
        pk=stored.pk, team_id=job.team_id, owner_id=job.owner_id, kind=Picture.Kind.DRAWN, job=job, number=number,
        origin=sources.get(order.source) if order.source else None, board=board_still(job),
        file=stored.file, thumbnail=stored.thumbnail, sha256=stored.sha256, size_bytes=stored.size_bytes,
        width=stored.width, height=stored.height, seed=order.seed, prompt=order.prompt, negative=order.negative,
        settings=order_to_json(order),
    )  # fmt: skip


def _texts(job: ImageJob, model: AIModel | None, order: Order, pixels: Pixels, mark: str | None) -> provenance.Texts:
    height, width = pixels.shape[:2]
    return provenance.texts_of(
        order,
        size=(width, height),
        model=model,
        record={
            "person": str(job.owner_id),
            "job": str(job.pk),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "product": f"zhiku {settings.VERSION}",
        }
        | ({"watermark": mark} if mark else {}),
    )
