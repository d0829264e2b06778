"""Django's entry for this app."""

from django.apps import AppConfig


class ImagesConfig(AppConfig):
    """Names the app `images`."""

    name = "apps.images"
    label = "images"
