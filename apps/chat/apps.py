"""Django's entry for this app."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Names the app `chat` and offers its counts to libraries."""

    name = "apps.chat"
    label = "chat"

    def ready(self) -> None:
        """Offer how often passages were cited."""
        from apps.chat.usage import connect  # noqa: PLC0415  (models exist only now)

        connect()
