"""Django's entry for this app."""

from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """Names the app `ingestion` and starts listening."""

    name = "apps.ingestion"
    label = "ingestion"

    def ready(self) -> None:
        """Connect the receivers."""
        from apps.ingestion.receivers import connect  # noqa: PLC0415  (models exist only now)

        connect()
