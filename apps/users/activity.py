"""Keeps to some minutes when somebody last did something, in all and in each team."""

from datetime import timedelta

from django.utils import timezone

from apps.users.models import Membership, User

EVERY = timedelta(minutes=15)


def note(user: User, membership: Membership | None) -> None:
    """Write down that the person is active, where the rows at hand say that it was longer ago."""
    now = timezone.now()
    if user.last_active_at is None or now - user.last_active_at > EVERY:
        User.objects.filter(pk=user.pk).update(last_active_at=now)
    if membership is not None and (membership.last_active_at is None or now - membership.last_active_at > EVERY):
        Membership.objects.filter(pk=membership.pk).update(last_active_at=now)
