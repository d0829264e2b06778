"""Django's entry for this app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Names the app `core`."""

    name = "apps.core"
    label = "core"
