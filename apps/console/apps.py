"""Django's entry for this app."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Names the app `console`."""

    name = "apps.console"
    label = "console"
