"""Django's entry for this app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MeteringConfig(AppConfig):
    """Names the app `metering`."""

    name = "apps.metering"
    label = "metering"

    def ready(self) -> None:
        """See after each start's migrations whether the settings make other limits than before."""
        from apps.metering.api_calls import connect  # noqa: PLC0415  (models are not loaded before)

        connect()
        post_migrate.connect(_recount_settings, sender=self, dispatch_uid="metering.settings")


def _recount_settings(**_: Any) -> None:
    from apps.metering.limits import recount_settings  # noqa: PLC0415  (models are not loaded before)
    from apps.metering.models import Counter, UsageDay  # noqa: PLC0415

    if UsageDay.objects.exists() or Counter.objects.exists():
        recount_settings()
