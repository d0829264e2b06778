"""From where somebody asks."""

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """Return the address of the client, X-Forwarded-For being believed as far as KB_TRUSTED_PROXIES says."""
    found = get_client_ip(request) if request.META.get("REMOTE_ADDR") else None
    return str(found) if found else None
