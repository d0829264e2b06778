"""Django's entry for this app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Names the app `chat`."""

    name = "apps.chat"
    label = "chat"
