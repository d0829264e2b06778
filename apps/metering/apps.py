"""Django's entry for this app."""

from django.apps import AppConfig


class MeteringConfig(AppConfig):
    """Names the app `metering`."""

    name = "apps.metering"
    label = "metering"
