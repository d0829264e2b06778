"""Django's entry for this app."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """Names the app `users`."""

    name = "apps.users"
    label = "users"
