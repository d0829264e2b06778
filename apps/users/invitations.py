"""Invitations: links that make whoever opens them a member, given by hand or sent by mail."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from apps.core.errors import NotFound
from apps.users import tasks
from apps.users.access import TeamAccess
from apps.users.addresses import prove
from apps.users.errors import InvitationClosed, InvitationForSomebodyElse, TooManyInvitations
from apps.users.models import Invitation, Membership, Role, Team, User
from apps.users.permissions import Action
from apps.users.services import add_member, create_user
from apps.users.signals import tell
from apps.users.tokens import fresh_token, hash_of

DAY = timedelta(hours=24)


@transaction.atomic
def invite(
    *, user: User, access: TeamAccess, role: Role, email: str = "", days: int | None = None
) -> tuple[Invitation, str]:
    """Return a new invitation and its token, which is kept nowhere else."""
    token = fresh_token()
    invitation = _make(user, access, role, email, _until(days))
    Invitation.objects.filter(pk=invitation.pk).update(token_hash=hash_of(token))
    return invitation, token


@transaction.atomic
def invite_by_mail(
    *, user: User, access: TeamAccess, role: Role, emails: Sequence[str], language: str, days: int | None = None
) -> list[Invitation]:
    """Ask for an invitation to be sent to each address; earlier open ones to the same address end.

    Raises TooManyInvitations, and sends none then.
    """
    addresses = list(dict.fromkeys(email.strip().lower() for email in emails))
    _require_room(access.team, len(addresses))
    _revoke_open(user, access.team, addresses)
    made = [_make(user, access, role, address, _until(days)) for address in addresses]
    for invitation in made:
        _ask_for_mail(invitation, language)
    transaction.on_commit(tasks.ring_mail)
    return made


@transaction.atomic
def resend(*, user: User, access: TeamAccess, invitation_id: UUID, language: str) -> Invitation:
    """Send an open invitation again, with a new link: the one of the first mail ends. Raises InvitationClosed."""
    invitation = _own(access, invitation_id)
    if not invitation.is_open or not invitation.email:
        raise InvitationClosed
    access.require(Role(invitation.role))
    _require_room(access.team, 1)
    invitation.created_by, invitation.expires_at = user, _until(None)
    invitation.save(update_fields=["created_by", "expires_at", "updated_at"])
    _ask_for_mail(invitation, language)
    tell("invitation.resent", actor=user, team=access.team, target=invitation, detail={"email": invitation.email})
    transaction.on_commit(tasks.ring_mail)
    return invitation


@transaction.atomic
def revoke_invitation(*, user: User, access: TeamAccess, invitation_id: UUID) -> None:
    """Make a link useless. Repeating it changes nothing."""
    invitation = _own(access, invitation_id)
    if not invitation.is_open:
        return
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at", "updated_at"])
    tell("invitation.revoked", actor=user, team=access.team, target=invitation)


def mails_left(team: Team) -> int:
    """Return how many invitations the team may still send by mail in these 24 hours."""
    sent = Invitation.objects.filter(team=team, mailed_at__gt=timezone.now() - DAY).aggregate(n=models.Sum("mails"))
    return max(0, settings.ENV.invitation_mails_per_day - (sent["n"] or 0))


def _require_room(team: Team, wanted: int) -> None:
    Team.objects.select_for_update(no_key=True).get(pk=team.pk)  # two admins at once do not pass the limit together
    if wanted > mails_left(team):
        raise TooManyInvitations(limit=settings.ENV.invitation_mails_per_day)


def _make(user: User, access: TeamAccess, role: Role, email: str, until: datetime) -> Invitation:
    access.require_action(Action.INVITE)
    access.require(role)
    invitation = Invitation.objects.create(
        team=access.team,
        role=role,
        email=email.strip().lower(),
        token_hash=hash_of(fresh_token()),  # of a token that nobody has
        created_by=user,
        expires_at=until,
    )
    detail = {"role": role.value, "email": invitation.email}
    tell("invitation.made", actor=user, team=access.team, target=invitation, detail=detail)
    return invitation


def _ask_for_mail(invitation: Invitation, language: str) -> None:
    invitation.token_hash = hash_of(fresh_token())
    invitation.mail, invitation.mailed_at = Invitation.Mail.WAITING, timezone.now()
    invitation.mails, invitation.language = invitation.mails + 1, language
    invitation.save(update_fields=["token_hash", "mail", "mailed_at", "mails", "language", "updated_at"])


def _revoke_open(user: User, team: Team, addresses: Sequence[str]) -> None:
    open_ones = Invitation.objects.select_for_update().filter(
        team=team, email__in=addresses, accepted_at=None, revoked_at=None
    )
    for invitation in open_ones:
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at", "updated_at"])
        tell("invitation.revoked", actor=user, team=team, target=invitation)


def _until(days: int | None) -> datetime:
    return timezone.now() + timedelta(days=days or settings.ENV.invitation_days)


def _own(access: TeamAccess, invitation_id: UUID) -> Invitation:
    access.require_action(Action.INVITE)
    invitation = Invitation.objects.select_for_update().filter(team=access.team, pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    return invitation


def find_invitation(token: str) -> Invitation:
    """Return the open invitation of a link; raises NotFound for a wrong one, InvitationClosed for a spent one."""
    invitation = Invitation.objects.select_related("team", "created_by").filter(token_hash=hash_of(token)).first()
    if invitation is None:
        raise NotFound
    if not _is_usable(invitation):
        raise InvitationClosed
    return invitation


def _is_usable(invitation: Invitation) -> bool:
    """An invitation dies with the rights of the person who made it."""
    maker = Membership.objects.live().filter(team=invitation.team, user=invitation.created_by).first()
    return invitation.is_open and maker is not None and Role(maker.role).covers(Role(invitation.role))


@transaction.atomic
def accept_invitation(*, user: User, token: str) -> Membership:
    """Make a signed-in person a member by the link, once."""
    found = find_invitation(token)
    invitation = Invitation.objects.select_for_update(of=("self",)).select_related("team").get(pk=found.pk)
    if not invitation.is_open or invitation.token_hash != found.token_hash:
        raise InvitationClosed
    if invitation.email and invitation.email != user.email.lower():
        raise InvitationForSomebodyElse
    membership = add_member(team=invitation.team, user=user, role=Role(invitation.role), actor=user)
    if invitation.email and invitation.mail:  # the link went to this address by mail and nowhere else
        prove(user)
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by", "updated_at"])
    tell("invitation.accepted", actor=user, team=invitation.team, target=invitation)
    return membership


@transaction.atomic
def join_with_new_account(*, token: str, email: str, name: str, password: str) -> User:
    """Create an account through an invitation; a bound address is used whatever was typed."""
    invitation = find_invitation(token)
    user = create_user(email=invitation.email or email, password=password, name=name)
    accept_invitation(user=user, token=token)
    return user
