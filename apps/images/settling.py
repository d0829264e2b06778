"""What a job that ends really took: its pictures, their bytes, and the steps of a picture that was broken off."""

from django.db.models import Sum

from apps.images import planning, quotas
from apps.images.models import ImageJob
from apps.images.quotas import Cost

Kind = ImageJob.Kind


def cost_so_far(job: ImageJob) -> Cost:
    """Return what the job has taken; of a picture under way the steps that were drawn (`job.step`)."""
    rows = job.pictures.filter(team_id=job.team_id)
    size_bytes = rows.aggregate(n=Sum("size_bytes"))["n"] or 0
    if job.kind == Kind.TRAIN:
        return Cost(0, job.pixel_steps * min(job.done, job.total) // max(job.total, 1), size_bytes)
    numbers = set(rows.values_list("number", flat=True)) | planning.flagged_of(job)
    orders = planning.orders_of(job)
    drawn = sum(quotas.pixel_steps_of(orders[number]) for number in numbers if number < len(orders))
    return Cost(len(numbers), drawn + _broken_off(job, numbers), size_bytes)


def _broken_off(job: ImageJob, numbers: set[int]) -> int:
    orders = planning.orders_of(job)
    missing = [order for number, order in enumerate(orders) if number not in numbers]
    if not job.step or not missing:
        return 0
    steps = quotas.steps_of(missing[0])
    return quotas.pixel_steps_of(missing[0]) * min(job.step, steps) // steps


def settle(job: ImageJob, cost: Cost) -> None:
    """Count it in place of what was held for the job."""
    quotas.settle(job.reservation, cost)
