"""What the console does by itself: samples of sizes, the nightly check, the scheduler's sign of life."""

import shutil
import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from apps.console.models import Check, Sample
from apps.core import heartbeat
from apps.core.invariants import verify
from apps.libraries.models import Document, DocumentVersion, LibraryStatistics
from apps.users.models import Team, User

SAMPLE_EVERY = timedelta(minutes=55)
FINE_DAYS = 31  # samples of each hour; older ones are thinned to one a day
KEPT_CHECKS = 60
NIGHT = range(2, 5)  # hours of the installation's time zone
MOST_TOLD = 200


@shared_task
def pulse() -> None:
    """Say that the scheduler lives: it is beat that rings this task."""
    heartbeat.keep("beat")


@shared_task
def sample() -> None:
    """Keep the sizes of this hour."""
    if Sample.objects.filter(at__gt=timezone.now() - SAMPLE_EVERY).exists():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        size = int(cursor.fetchone()[0])
    Sample.objects.create(
        database_bytes=size,
        media_bytes=DocumentVersion.objects.aggregate(all=Sum("size_bytes"))["all"] or 0,
        disk_free_bytes=shutil.disk_usage(settings.VAR_DIR).free,
        documents=Document.objects.filter(deleted_at=None).count(),
        chunks=LibraryStatistics.objects.aggregate(all=Sum("chunks"))["all"] or 0,
        people=User.objects.filter(is_active=True).count(),
        teams=Team.objects.count(),
    )
    _thin()


def _thin() -> None:
    """Keep one sample a day of what is older than a month."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM console_sample WHERE at < now() - make_interval(days => %s) AND id NOT IN"
            " (SELECT min(id) FROM console_sample GROUP BY date_trunc('day', at))",
            [FINE_DAYS],
        )


@shared_task
def check() -> None:
    """Check by night what must always hold, once."""
    now = timezone.localtime()
    if now.hour not in NIGHT or Check.objects.filter(at__gt=now - timedelta(hours=12)).exists():
        return
    began = time.monotonic()
    broken = [{"check": one.check, "what": one.what} for one in verify()[:MOST_TOLD]]
    Check.objects.create(seconds=time.monotonic() - began, broken=broken)
    old = Check.objects.order_by("-at").values_list("pk", flat=True)[KEPT_CHECKS:]
    Check.objects.filter(pk__in=list(old)).delete()
