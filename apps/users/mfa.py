"""Who must have a second factor, and who has one."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.users.models import Team, User

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)  # recovery codes alone are none


def has_second_factor(user: User) -> bool:
    """Return whether the person set up an authenticator app or a passkey; one query."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def grace_ends_at(user: User) -> datetime:
    """Return until when an administrator's account works without a second factor."""
    return user.date_joined + timedelta(hours=settings.ENV.staff_mfa_grace_h)


def is_staff_bound(user: User) -> bool:
    """Return whether the installation's settings ask this person for a second factor, sooner or later."""
    return (user.is_staff or user.is_superuser) and settings.ENV.staff_mfa == "required"


def needs_second_factor(user: User, teams: Iterable[Team]) -> bool:
    """Return whether the person may go on only with a second factor; asks the database nothing."""
    if any(team.requires_mfa for team in teams):
        return True
    return is_staff_bound(user) and timezone.now() >= grace_ends_at(user)


def lacks_second_factor(user: User, teams: Iterable[Team]) -> bool:
    """Return whether the person must set up a second factor before anything else.

    `teams` are those that they are a live member of; at most one query, and none where nobody asks for a factor.
    """
    return needs_second_factor(user, teams) and not has_second_factor(user)


def administrators() -> list[bool]:
    """Return for each active administrator whether they have a second factor; one query."""
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS)
    active = User.objects.filter(is_superuser=True, is_active=True).annotate(has_factor=Exists(factor))
    return list(active.values_list("has_factor", flat=True))
