"""What metering does by the clock."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from apps.metering.ledger import expire
from apps.metering.models import Counter, Reservation, Window
from apps.metering.sums import sum_up

MINUTE_COUNTERS_KEPT = timedelta(days=7)
BATCH = 1_000


@shared_task(time_limit=120)
def reap() -> int:
    """Give back what expired reservations hold, and drop old per-minute counters; return how many expired."""
    due = Reservation.objects.filter(state=Reservation.State.OPEN, expires_at__lt=timezone.now())
    expired = sum(expire(reservation_id) for reservation_id in list(due.values_list("pk", flat=True)[:BATCH]))
    Counter.objects.filter(window=Window.MINUTE, starts_at__lt=timezone.now() - MINUTE_COUNTERS_KEPT).delete()
    return expired


@shared_task(time_limit=600)
def sum_up_days() -> int:
    """Sum up the days that are over, for the pages of the installation; return how many."""
    return sum_up()
