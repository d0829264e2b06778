"""How allauth behaves here."""

import logging
import smtplib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailConfirmation
from allauth.core import context as allauth_context
from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.urls import reverse

from apps.users.signin import proved_lately

logger = logging.getLogger(__name__)
_post = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


def _deliver(message: EmailMessage) -> None:
    """Hand a message to the mail server; one that fails is logged and loses that message alone."""
    try:
        message.send()
    except (smtplib.SMTPException, OSError):
        logger.warning("the mail server did not take a message", exc_info=True)


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

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail behind the answer: how long a mail server takes must not tell whether an account exists."""
        values = {"request": allauth_context.request, "email": email, "current_site": None} | context
        message = self.render_mail(template_prefix, email, values)
        if settings.ENV.smtp_host:
            _post.submit(_deliver, message)
        else:
            _deliver(message)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether the person must prove again who they are; a sign-in a moment ago is proof as well."""
        return not proved_lately(allauth_context.request)

    def clean_email(self, email: str) -> str:
        """Return the address as it is stored: e-mail addresses are one login whatever their case."""
        return str(super().clean_email(email)).lower()
