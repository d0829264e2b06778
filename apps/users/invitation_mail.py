"""Sends the invitations that wait for it."""

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.core import mail
from apps.users.models import Invitation, User
from apps.users.tokens import fresh_token, hash_of


def send_waiting() -> int:
    """Send what waits, one by one; returns how many were tried."""
    tried = 0
    while _send_one():
        tried += 1
    return tried


@transaction.atomic
def _send_one() -> bool:
    """Send one; returns whether there was one. The row stays locked meanwhile, so that no other worker takes it.

    The token is made here and stored as its hash: no queue, log or table ever holds it. A crash after the sending
    leaves the row waiting; the second mail's link then replaces the first.
    """
    waiting = Invitation.objects.select_for_update(of=("self",), skip_locked=True).select_related("team", "created_by")
    due = waiting.filter(mail=Invitation.Mail.WAITING).order_by("mailed_at").first()
    if due is None:
        return False
    token = fresh_token()
    due.token_hash, due.mailed_at = hash_of(token), timezone.now()
    is_sent = due.is_open and _send(due, token)
    due.mail = Invitation.Mail.SENT if is_sent else Invitation.Mail.FAILED
    due.save(update_fields=["token_hash", "mail", "mailed_at", "updated_at"])
    return True


def _send(invitation: Invitation, token: str) -> bool:
    """Write to the invited address in its person's language, where it has one here, else in that of the invitation."""
    known = User.objects.filter(email__iexact=invitation.email).values_list("language", flat=True).first()
    link = settings.PUBLIC_URL + reverse("users:invitation", args=[token])
    with translation.override(known or invitation.language or settings.LANGUAGE_CODE):
        context = {"invitation": invitation, "link": link, "days": _days(invitation)}
        subject = _("%(who)s invites you to %(team)s") % {"who": invitation.created_by, "team": invitation.team}
        body = render_to_string("users/mail/invitation.txt", context)
        html = render_to_string("users/mail/invitation.html", context | {"language": translation.get_language()})
    return mail.send(to=invitation.email, subject=subject, body=body, html=html)


def _days(invitation: Invitation) -> int:
    return max(1, round((invitation.expires_at - timezone.now()).total_seconds() / 86_400))
