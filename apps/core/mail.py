"""Mail to people, where KB_SMTP_HOST names a mail server; without one nothing is sent.

In development (KB_DEBUG) it is printed instead.
"""

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

logger = logging.getLogger(__name__)


def is_configured() -> bool:
    """Return whether there is a mail server to send by, or in development a log to print mail to."""
    return bool(settings.ENV.smtp_host) or settings.ENV.debug


def send(*, to: str, subject: str, body: str, html: str = "") -> bool:
    """Send one message of plain text, and of HTML where given; returns whether the server took it.

    A server that fails is logged, not raised.
    """
    if not is_configured():
        return False
    message = EmailMultiAlternatives(subject=" ".join(subject.split()), body=body, to=[to])
    if html:
        message.attach_alternative(html, "text/html")
    try:
        return message.send() == 1
    except (smtplib.SMTPException, OSError):
        logger.warning("the mail server did not take a message", exc_info=True)
        return False
