"""Django's entry for this app."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Names the app `users`."""

    name = "apps.users"
    label = "users"

    def ready(self) -> None:
        """Connect what allauth tells about addresses."""
        from allauth.account.signals import email_confirmed  # noqa: PLC0415  (models exist only now)

        from apps.users.addresses import on_confirmed  # noqa: PLC0415

        email_confirmed.connect(on_confirmed, dispatch_uid="users.address-confirmed")
