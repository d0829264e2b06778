"""Django's entry for this app."""

from django.apps import AppConfig


class LibrariesConfig(AppConfig):
    """Names the app `libraries`."""

    name = "apps.libraries"
    label = "libraries"
