"""Django's entry for this app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Names the app `audit` and starts listening."""

    name = "apps.audit"
    label = "audit"

    def ready(self) -> None:
        """Connect the receivers."""
        from apps.audit.receivers import connect  # noqa: PLC0415  (models exist only now)

        connect()
