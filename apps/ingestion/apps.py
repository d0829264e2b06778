"""Django's entry for this app."""

from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """Names the app `ingestion`."""

    name = "apps.ingestion"
    label = "ingestion"
