"""Django's entry for this app."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Names the app `users`."""

    name = "apps.users"
    label = "users"

    def ready(self) -> None:
        """Connect what allauth tells about addresses, and let proven ones open the doors of their domain's teams."""
        from allauth.account import signals as allauth  # noqa: PLC0415  (models exist only now)
        from django.contrib.auth.signals import user_logged_in  # noqa: PLC0415

        from apps.users.addresses import on_confirmed  # noqa: PLC0415
        from apps.users.domains import on_person  # noqa: PLC0415
        from apps.users.oidc_sync import on_signed_in  # noqa: PLC0415
        from apps.users.signals import address_proven  # noqa: PLC0415
        from apps.users.signin_events import connect  # noqa: PLC0415

        allauth.email_confirmed.connect(on_confirmed, dispatch_uid="users.address-confirmed")
        address_proven.connect(on_person, dispatch_uid="users.domain-on-proof")
        user_logged_in.connect(on_person, dispatch_uid="users.domain-on-sign-in")
        allauth.user_logged_in.connect(on_signed_in, dispatch_uid="users.sign-on-groups")
        connect()
