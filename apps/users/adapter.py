"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailConfirmation
from allauth.core import context
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from apps.users.signin import proved_lately


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Keeps sign-up closed unless the operator opened it; invitations have their own page."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return whether strangers may create an account by themselves."""
        return bool(settings.ENV.signup_open)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link of the mail; its host is the configured one, whatever Host header the request had."""
        address = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        uid, _, token = key.partition("-")
        return str(settings.PUBLIC_URL) + address.replace("UID-KEY", f"{uid}-{token}")

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: EmailConfirmation) -> str:
        """Return the link of the mail that proves an address; its host is the configured one as well."""
        return str(settings.PUBLIC_URL) + reverse("account_confirm_email", args=[emailconfirmation.key])

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether the person must prove again who they are; a sign-in a moment ago is proof as well."""
        return not proved_lately(context.request)

    def clean_email(self, email: str) -> str:
        """Return the address as it is stored: e-mail addresses are one login whatever their case."""
        return str(super().clean_email(email)).lower()
