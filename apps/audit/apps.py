"""Django's entry for this app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Names the app `audit`."""

    name = "apps.audit"
    label = "audit"
