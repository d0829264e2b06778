"""Mail to people, where KB_SMTP_HOST names a mail server; without one nothing is sent."""

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)


def is_configured() -> bool:
    """Return whether there is a mail server to send by."""
    return bool(settings.ENV.smtp_host)


def send(*, to: str, subject: str, body: str) -> bool:
    """Send one plain text message; returns whether the server took it. A server that fails is logged, not raised."""
    if not is_configured():
        return False
    message = EmailMessage(subject=" ".join(subject.split()), body=body, to=[to])
    try:
        return message.send() == 1
    except (smtplib.SMTPException, OSError):
        logger.warning("the mail server did not take a message", exc_info=True)
        return False
