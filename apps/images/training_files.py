"""Files of a training in the media storage: its checkpoint, named by its step, and the pictures of the class."""

import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from apps.images.files import FOLDER
from apps.images.models import ImageJob
from apps.runtimes.contracts import Picture as Pixels

KEPT = timedelta(days=14)  # in which an ended training can be gone on with


def _folder(job: ImageJob) -> str:
    return f"{FOLDER}/{job.team_id}/training-{job.pk.hex}"


def _checkpoint(job: ImageJob, step: int) -> str:
    return f"{_folder(job)}/{step}.safetensors"


def fetch(job: ImageJob, target: Path) -> None:
    """Copy the checkpoint that the job's row names; a training that did not begin has none. Raises OSError."""
    if not job.done:
        return
    with default_storage.open(_checkpoint(job, job.done)) as stored, target.open("wb") as file:
        shutil.copyfileobj(stored, file)


def has_checkpoint(job: ImageJob) -> bool:
    """Return whether what the row names is there; a training that did not begin needs nothing."""
    return not job.done or bool(default_storage.exists(_checkpoint(job, job.done)))


def store(job: ImageJob, source: Path, step: int) -> None:
    """Store the checkpoint of a step, in place of one that a lost worker left. Raises OSError."""
    name = _checkpoint(job, step)
    default_storage.delete(name)
    with source.open("rb") as file:
        default_storage.save(name, File(file))


def hand_over(old: ImageJob, new: ImageJob) -> None:
    """Give what is stored of an ended training to the one that goes on with it. Raises OSError."""
    for name in _names(old):
        with default_storage.open(f"{_folder(old)}/{name}") as stored:
            default_storage.save(f"{_folder(new)}/{name}", stored)


def forget(job: ImageJob, *, but: int | None = None) -> None:
    """Delete the files of a training: all, or the checkpoints of other steps than `but`."""
    for name in _names(job):
        if but is None or (name.endswith(".safetensors") and name != f"{but}.safetensors"):
            default_storage.delete(f"{_folder(job)}/{name}")
    if but is None and default_storage.exists(_folder(job)):
        default_storage.delete(_folder(job))


def purge() -> int:
    """Delete the files of trainings that ended without a result and nobody went on with; return how many jobs."""
    limit = timezone.now() - KEPT
    ended = ImageJob.objects.filter(kind=ImageJob.Kind.TRAIN, finished_at__lt=limit, finished_at__gt=limit - KEPT)
    old = [job for job in ended if _names(job)]
    for job in old:
        forget(job)
    return len(old)


def _names(job: ImageJob) -> list[str]:
    if not default_storage.exists(_folder(job)):
        return []
    found: list[str] = default_storage.listdir(_folder(job))[1]
    return found


def _prior(job: ImageJob, number: int) -> str:
    return f"{_folder(job)}/class-{number}.png"


def has_prior(job: ImageJob, number: int) -> bool:
    """Return whether the picture of the class is drawn."""
    return bool(default_storage.exists(_prior(job, number)))


def store_prior(job: ImageJob, number: int, pixels: Pixels) -> None:
    """Store a picture of the class. Raises OSError."""
    buffer = ContentFile(b"")
    Image.fromarray(pixels).save(buffer, "PNG")
    default_storage.save(_prior(job, number), buffer)


def priors(job: ImageJob, count: int) -> list[Pixels]:
    """Return the pictures of the class. Raises OSError."""
    found = []
    for number in range(count):
        with default_storage.open(_prior(job, number)) as stored, Image.open(stored) as image:
            found.append(np.asarray(image.convert("RGB"), np.uint8).copy())
    return found
