"""What is not in order, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import AIModel
from apps.console.standing import Standing
from apps.core import mail
from apps.ingestion.models import IngestionJob
from apps.users.mfa import administrators

DISK_LOW = 0.10  # of the disk
BEAT_LATE_S = 120
CHECK_OLD_DAYS = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that wants attention: how badly, what it is, what to do, and the page where it is done."""

    level: Literal["error", "warn", "info"]
    title: str | Promise
    advice: str | Promise
    view: str = ""


def findings(now: Standing) -> list[Finding]:
    """Return what is not in order, the worst first."""
    order = ("error", "warn", "info")
    found = [*_of_services(now), *_of_storage(now), *_of_work(), *_of_people()]
    return sorted(found, key=lambda one: order.index(one.level))


def _of_services(now: Standing) -> Iterator[Finding]:
    if not now.broker.is_there:
        yield Finding(
            "error",
            _("Valkey does not answer"),
            _("Nothing is read or answered until it does. Start it again; nothing is lost."),
        )
    roles = {sign.role for sign in now.signs}
    if now.broker.is_there and "worker" not in roles:
        yield Finding(
            "error", _("No worker runs"), _("Questions and documents wait. Start the workers (docs/operations.md).")
        )
    unserved = [queue.name for queue in now.queues if queue.length and not queue.workers]
    if unserved and "worker" in roles:
        yield Finding("error", _("A queue has no worker"), ", ".join(unserved))
    if now.broker.is_there and "beat" not in roles:
        yield Finding(
            "warn",
            _("The scheduler gives no sign"),
            _("Retries, reminders and clean-up wait for it. Start Celery beat."),
        )
    if now.database.is_mighty:
        yield Finding(
            "warn",
            _("The database role is too mighty"),
            _("It passes by row-level security, the second wall between teams. Use a role without these rights."),
        )
    if now.broker.policy not in ("", "noeviction"):
        yield Finding("warn", _("Valkey may forget queued work"), _("Set its maxmemory-policy to noeviction."))


def _of_storage(now: Standing) -> Iterator[Finding]:
    if now.disk_total and now.disk_free / now.disk_total < DISK_LOW:
        yield Finding("error", _("The disk is nearly full"), _("Uploads will be refused. Free space or move the data."))
    if now.check and now.check.broken:
        yield Finding(
            "error",
            _("The nightly check found broken data"),
            ", ".join(sorted({str(one["check"]) for one in now.check.broken})),
        )
    if now.check is None or now.check.at < timezone.now() - timedelta(days=CHECK_OLD_DAYS):
        yield Finding(
            "info",
            _("The stored data was not checked lately"),
            _("It is checked by night; “manage.py verify_invariants” does it now."),
        )


def _of_work() -> Iterator[Finding]:
    broken = list(
        AIModel.objects.exclude(state=AIModel.State.READY).filter(is_enabled=True).values_list("title", flat=True)
    )
    if broken:
        yield Finding("warn", _("A model is not in order"), ", ".join(broken), "catalog:models")
    missing = {"chat", "embedding"} - set(
        AIModel.objects.filter(is_default=True, state=AIModel.State.READY).values_list("kind", flat=True)
    )
    if missing:
        yield Finding(
            "error", _("A model that everybody needs is missing"), ", ".join(sorted(missing)), "catalog:models"
        )
    day = timezone.now() - timedelta(days=1)
    failed = IngestionJob.objects.filter(state=IngestionJob.State.FAILED, updated_at__gte=day)[:1_000].count()
    if failed:
        yield Finding("info", _("Documents could not be read since yesterday"), str(failed), "console:jobs")


def _of_people() -> Iterator[Finding]:
    if not mail.is_configured():
        yield Finding(
            "info",
            _("Mail is not set up"),
            _("Invitations are links to send by hand; password links are printed to the log. Set KB_SMTP_HOST."),
        )
    with_factor = administrators()
    if not all(with_factor) and settings.ENV.staff_mfa == "required":
        yield Finding(
            "warn",
            _("An administrator has no second factor"),
            _("Their account opens nothing more %(hours)s hours after it was made, until they set one up.")
            % {"hours": settings.ENV.staff_mfa_grace_h},
            "account_security",
        )
    if len(with_factor) == 1:
        yield Finding(
            "info",
            _("There is one administrator"),
            _("If they lose their password nobody gets in here. Make a second one."),
            "console:users",
        )
    if settings.DEBUG:
        yield Finding("error", _("Debug mode is on"), _("Errors show inner data to everybody. Unset KB_DEBUG."))
