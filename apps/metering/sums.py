"""Sums up the days that are over, so that a page about the whole installation need not read every line of them.

No settlement writes these sums while their day lasts: everybody would wait for the same rows. What is settled later
goes into the days and into their sums by one statement (`sql`).
"""

from datetime import UTC, timedelta

from django.db import connection
from django.utils import timezone

from apps.metering import counting
from apps.metering.running import alone

SETTLING = timedelta(hours=1)  # by then nearly all that began on a day is settled


def sum_up() -> int:
    """Sum up each day (UTC) that is over, the first one first; return how many. Raises QuotaBusy.

    Each day is a transaction of its own, some milliseconds, in which no quota moves: what is counted is either in the
    days that it reads, or finds the day summed up.
    """
    before = (timezone.now() - SETTLING).astimezone(UTC).date()

    def one_day() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(counting.SUM_UP, {"before": before})
            return bool(cursor.rowcount)

    days = 0
    while alone(one_day):
        days += 1
    return days
