"""Deletes a team: first nobody gets in any more, and when the time to call it back is over a task removes all of it.

What an app keeps outside of rows that fall with the team's (files, streams, counters) it removes in a function of its
own: `apps/<app>/team_removal.py`, imported by name when a team is removed. Each may run again after a crash.
The audit log stays: that the team was there, and what was done in it, by whom.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from apps.core.errors import NotFound
from apps.users.access import TeamAccess, access_leaving_team, require_system_admin
from apps.users.errors import NameDiffers, RemovalBegan
from apps.users.middleware import TEAM_KEY
from apps.users.models import Membership, Team, User
from apps.users.permissions import Action
from apps.users.signals import tell

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=5)
Beat = Callable[[], None]
Remover = Callable[[UUID, Beat], None]
_removers: dict[tuple[int, str], Remover] = {}


class LostRemoval(Exception):
    """Another worker removes this team now."""


def removes(name: str, *, order: int) -> Callable[[Remover], Remover]:
    """Register what removes a part of a team: called with its id, and with a beat to call every now and then.

    What uses others' rows comes first: features below 50, libraries 50, metering 60, people 90.
    """

    def register(remover: Remover) -> Remover:
        _removers[order, name] = remover
        return remover

    return register


@transaction.atomic
def ask_for_deletion(*, user: User, access: TeamAccess, typed_name: str) -> Team:
    """Close the team at once, and have it removed KB_TEAM_UNDO_DAYS later. Raises NameDiffers. For owners."""
    access.require_action(Action.DELETE_TEAM)
    return _close(user, access.team.pk, typed_name)


@transaction.atomic
def ask_for_deletion_as_admin(*, actor: User, team_id: UUID, typed_name: str) -> Team:
    """Do the same for an administrator of the installation, who is no member. Raises NotFound for others."""
    require_system_admin(actor)
    return _close(actor, team_id, typed_name)


def _close(actor: User, team_id: UUID, typed_name: str) -> Team:
    team = Team.objects.select_for_update(no_key=True).filter(pk=team_id).first()
    if team is None:
        raise NotFound
    if typed_name.strip() != team.name.strip():
        raise NameDiffers
    if team.deletion_at is None:
        team.deletion_at = timezone.now() + timedelta(days=settings.ENV.team_undo_days)
        team.save(update_fields=["deletion_at", "updated_at"])
        until = team.deletion_at.date().isoformat()
        tell("team.deletion-asked", actor=actor, team=team, target=team, detail={"name": team.name, "until": until})
    return team


@transaction.atomic
def call_back(*, user: User, team_id: UUID) -> Team:
    """Undo the deletion: an owner of the team, or an administrator of the installation. Raises RemovalBegan."""
    if not user.is_superuser:
        access_leaving_team(user, team_id)
    team = Team.objects.select_for_update(no_key=True).filter(pk=team_id).exclude(deletion_at=None).first()
    if team is None:
        raise NotFound
    if team.removal_lease_until is not None or _is_due(team, timezone.now()):
        raise RemovalBegan
    team.deletion_at = None
    team.save(update_fields=["deletion_at", "updated_at"])
    tell("team.deletion-undone", actor=user, team=team, target=team)
    return team


def _is_due(team: Team, now: datetime) -> bool:
    return team.deletion_at is not None and team.deletion_at <= now


def remove_due() -> int:
    """Remove every team whose time is over and that no other worker removes; returns how many went."""
    autodiscover_modules("team_removal")
    removed = 0
    for team_id in list(Team.objects.filter(deletion_at__lte=timezone.now()).values_list("pk", flat=True)):
        if _claim(team_id):
            try:
                _remove(team_id)
                removed += 1
            except LostRemoval:
                logger.warning("another worker removes this team", extra={"team": team_id})
    return removed


def _claim(team_id: UUID) -> bool:
    """Take the lease by compare and set; it runs out when its worker dies."""
    now = timezone.now()
    free = Q(removal_lease_until=None) | Q(removal_lease_until__lt=now)
    due = Team.objects.filter(free, pk=team_id, deletion_at__lte=now)
    return due.update(removal_lease_until=now + LEASE) == 1


def _remove(team_id: UUID) -> None:
    held = Team.objects.values_list("removal_lease_until", flat=True).get(pk=team_id)

    def beat() -> None:
        """Hold the lease for longer. Raises LostRemoval when it ran out and another worker took it."""
        nonlocal held
        until = timezone.now() + LEASE
        if held is not None and until - held < LEASE / 10:
            return
        if Team.objects.filter(pk=team_id, removal_lease_until=held).update(removal_lease_until=until) != 1:
            raise LostRemoval
        held = until

    for place in sorted(_removers):
        beat()
        _removers[place](team_id, beat)
    beat()
    _finish(team_id)


@transaction.atomic
def _finish(team_id: UUID) -> None:
    """Delete the rows that are left, and write down that the team is gone."""
    team = Team.objects.select_for_update().get(pk=team_id)
    tell("team.removed", actor=None, team=team, target=team, detail={"name": team.name})
    team.delete()


@removes("users", order=90)
def _remove_people(team_id: UUID, beat: Beat) -> None:
    """Take the team out of sessions, and its members in small steps."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator(chunk_size=500):
        data: dict[str, Any] = session.get_decoded()
        if data.get(TEAM_KEY) == str(team_id):
            del data[TEAM_KEY]
            Session.objects.filter(pk=session.pk, session_data=session.session_data).update(
                session_data=SessionStore().encode(data)
            )
        beat()
    while ids := list(Membership.objects.filter(team=team_id).values_list("pk", flat=True)[:500]):
        Membership.objects.filter(pk__in=ids).delete()
        beat()
