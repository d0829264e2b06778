"""What must always hold for quotas."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from apps.core.invariants import invariant
from apps.metering import counting, sql
from apps.metering.ledger import defaults
from apps.metering.models import Reservation

REAP_GRACE = timedelta(minutes=10)  # the reaper runs every minute
MINUTE_DAYS = 6  # older per-minute counters are dropped


@invariant("metering.ledger-equals-counters")
def ledger_equals_counters() -> list[str]:
    """Every counter is the sum of the ledger and of the open reservations in its window."""
    with connection.cursor() as cursor:
        cursor.execute(counting.DRIFT, defaults() | {"minute_days": MINUTE_DAYS})
        return [
            f"{scope} {subject} {resource} per {window} from {starts_at}: "
            f"used {used}, held {held}; ledger {ledger}, open {opened}"
            for scope, subject, resource, window, starts_at, used, held, ledger, opened in cursor.fetchall()
        ]


@invariant("metering.no-stale-reservation")
def no_stale_reservation() -> list[str]:
    """No reservation stays open after its time."""
    stale = Reservation.objects.filter(state=Reservation.State.OPEN, expires_at__lt=timezone.now() - REAP_GRACE)
    return [f"reservation {pk} expired at {at} and is still open" for pk, at in stale.values_list("pk", "expires_at")]


@invariant("metering.ledger-equals-days")
def ledger_equals_days() -> list[str]:
    """The sums by day, which the dashboards show, are those of the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(counting.DAYS_DRIFT, {"nobody": sql.NOBODY})
        return [
            f"{resource} on {day} of person {user} in team {team} by {model or 'no model'}: {said}, ledger {ledger}"
            for day, team, user, model, resource, said, ledger in cursor.fetchall()
        ]


@invariant("metering.days-equal-sums")
def days_equal_sums() -> list[str]:
    """What is summed up of the days that are over is what the days say."""
    with connection.cursor() as cursor:
        cursor.execute(counting.SUMS_DRIFT)
        return [
            f"{resource} on {day} of {scope} {subject} by {model or 'all models'}: {said}, days {days}"
            for day, scope, subject, model, resource, said, days in cursor.fetchall()
        ]
