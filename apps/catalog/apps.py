"""Django's entry for this app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Names the app `catalog`."""

    name = "apps.catalog"
    label = "catalog"
