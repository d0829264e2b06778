"""What changes many times a second while a picture is drawn: its step, a coarse preview, the wish to stop.

All of it lies in Valkey for a minute. Where that cannot be reached, drawing goes on and is merely not seen.
"""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from PIL import Image
from redis.exceptions import RedisError

from apps.runtimes.contracts import Picture as Pixels

logger = logging.getLogger(__name__)
LIFE_S = 60
CANCEL_LIFE_S = 3_600
PREVIEW_SIDE = 256
PREVIEW_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Live:
    """The picture under way of a job: its number from 0, its step of how many, and a small WebP of it."""

    number: int
    step: int
    steps: int
    preview: bytes | None = None


def show(job_id: UUID, live: Live) -> None:
    """Keep how far the job is."""
    try:
        cache.set(_key(job_id), (live.number, live.step, live.steps, live.preview), LIFE_S)
    except RedisError:
        logger.warning("progress could not be shown", extra={"job": job_id})


def progress_of(job_ids: Iterable[UUID]) -> dict[UUID, Live]:
    """Return what is known of these jobs; those of which nothing is known are left out. One call of the cache."""
    keys = {_key(job_id): job_id for job_id in job_ids}
    try:
        found = cache.get_many(keys) if keys else {}
    except RedisError:
        return {}
    return {keys[key]: Live(*value) for key, value in found.items()}


def forget(job_id: UUID) -> None:
    """Drop what was shown of a job that ended."""
    try:
        cache.delete_many([_key(job_id), _cancel_key(job_id)])
    except RedisError:
        logger.warning("progress could not be forgotten", extra={"job": job_id})


def ask_to_stop(job_id: UUID) -> None:
    """Let the worker hear at its next step; the row says the same, and is looked at every half second."""
    try:
        cache.set(_cancel_key(job_id), 1, CANCEL_LIFE_S)
    except RedisError:
        logger.warning("the wish to stop was not passed on at once", extra={"job": job_id})


def is_to_stop(job_id: UUID) -> bool:
    """Return whether its owner wants it to stop."""
    try:
        return cache.get(_cancel_key(job_id)) is not None
    except RedisError:
        return False


def preview_of(pixels: Pixels) -> bytes | None:
    """Return a WebP of at most 256 pixels a side and 20 kB."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    for quality in (70, 40, 15):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=1)
        if buffer.tell() <= PREVIEW_BYTES:
            return buffer.getvalue()
    return None


def _key(job_id: UUID) -> str:
    return f"image-live:{job_id}"


def _cancel_key(job_id: UUID) -> str:
    return f"image-cancel:{job_id}"
