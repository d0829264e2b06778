"""Django's entry for this app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Names the app `core`."""

    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        """Register the checks."""
        from apps.core import checks  # noqa: F401, PLC0415  (models are not loaded before)
