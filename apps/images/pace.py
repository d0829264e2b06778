"""How fast models draw, measured on the last jobs of each: what time left, turns and estimates are reckoned by."""

from contextlib import suppress
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from apps.core import tenancy
from apps.images.models import ImageJob

UNKNOWN_S = 5.0  # of a slice of a model that never drew
TRAINING_SLICE_S = 10.0
KEEP_S = 20
_KEY = "image-pace"

_MEASURED = """
    SELECT m.id, sum(j.pixel_steps::float8 * j.done / greatest(j.total, 1)) / nullif(sum(j.seconds), 0)
    FROM catalog_aimodel m
    CROSS JOIN LATERAL (
        SELECT pixel_steps, done, total, seconds FROM images_imagejob
        WHERE model_id = m.id AND seconds > 0 AND done > 0 AND kind <> 'train'
        ORDER BY finished_at DESC LIMIT 20
    ) j
    WHERE m.kind = 'image'
    GROUP BY m.id"""


def paces() -> dict[UUID, float]:
    """Return the pixel-steps (in thousands) per second of each model that has drawn, at most some seconds old."""
    found = _kept()
    if not found:
        with tenancy.everything("a model is as fast for all teams"), connection.cursor() as cursor:
            cursor.execute(_MEASURED)
            found = {model: float(rate) for model, rate in cursor.fetchall() if rate}
        with suppress(RedisError):
            cache.set(_KEY, found, KEEP_S)
    return found


def _kept() -> dict[UUID, float]:
    """Return what was measured some seconds ago; nothing where Valkey cannot be reached, and drawing goes on."""
    try:
        return cache.get(_KEY) or {}
    except RedisError:
        return {}


def seconds_of(model_id: UUID | None, pixel_steps: float) -> float | None:
    """Return how long a model takes for so many thousand pixel-steps; None where it never drew."""
    rate = paces().get(model_id) if model_id else None
    return pixel_steps / rate if rate else None


def of_slice(job: ImageJob) -> float:
    """Return the seconds that the next slice of a job is expected to take."""
    if job.kind == ImageJob.Kind.TRAIN:
        return TRAINING_SLICE_S
    return seconds_of(job.model_id, job.pixel_steps / max(job.total, 1)) or UNKNOWN_S
