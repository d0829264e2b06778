"""Whether mail to a person's address is known to reach them. Only then may the address open a door.

Proven by a link that was mailed to the address: our own, an invitation whose token nobody but the mail ever showed, a
password reset; or by a single sign-on provider that says so.
"""

from typing import Any

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest

from apps.users.models import User
from apps.users.signals import address_proven, happened


def is_proven(user: User) -> bool:
    """Return whether the person's sign-in address is proven; one query."""
    return bool(EmailAddress.objects.filter(user_id=user.pk, email__iexact=user.email, verified=True).exists())


@transaction.atomic
def prove(user: User) -> None:
    """Keep that mail to the person's sign-in address reaches them; repeating it changes nothing."""
    row = _row(user)
    if row.verified:
        return
    EmailAddress.objects.filter(pk=row.pk).update(verified=True, primary=True)
    happened.send(User, action="user.address-proven", actor=user, team=None, target=user, detail={"email": user.email})
    address_proven.send(User, user=user, email=user.email)


def _row(user: User) -> EmailAddress:
    """Return allauth's row of the sign-in address, made where it is missing."""
    found = EmailAddress.objects.filter(user_id=user.pk, email__iexact=user.email).first()
    return found or EmailAddress.objects.create(user=user, email=user.email.lower(), primary=True)


def send_link(request: HttpRequest) -> None:
    """Mail a link to the signed-in person's address; allauth limits how often."""
    user = request.user
    if isinstance(user, User):
        send_verification_email_to_address(request, _row(user), signup=False)


def on_confirmed(*, email_address: EmailAddress, **_: Any) -> None:
    """Tell what allauth's link or a password reset proved, where it is the sign-in address."""
    user = email_address.user
    if user.email.lower() == email_address.email.lower():
        detail = {"email": user.email}
        happened.send(User, action="user.address-proven", actor=user, team=None, target=user, detail=detail)
        address_proven.send(User, user=user, email=user.email)
