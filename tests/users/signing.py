"""What tests of signing in share: a browser that signs in, an authenticator app."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client

from apps.users.models import User
from tests.factories import PASSWORD

LOGIN, SECURITY = "/accounts/login/", "/accounts/security/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY_FORM = {"name": "Robot", "scopes": ["read"], "expires": "30"}


def signed_in(user: User, **options: Any) -> Client:
    """Return a browser in which the person is signed in, without the form; `options` are the client's."""
    client = Client(**options)
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def sign_in(client: Client, user: User, password: str = PASSWORD, **headers: str) -> Any:
    """Post the sign-in form and return the answer."""
    return client.post(LOGIN, {"login": user.email, "password": password}, headers=headers)


def code_now(secret: str = SECRET) -> str:
    """Return what the app shows now."""
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def codes_of(user: User) -> list[str]:
    """Return the recovery codes that are left."""
    found = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    return list(found.wrap().get_unused_codes())
