"""Changes to people, teams, memberships and invitations."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from apps.core.errors import NotFound
from apps.users.access import TeamAccess
from apps.users.errors import (
    AddressTaken,
    AlreadyMember,
    InvitationClosed,
    InvitationForSomebodyElse,
    LastOwner,
    TeamsByAdminsOnly,
)
from apps.users.models import Invitation, Membership, Role, Team, User
from apps.users.signals import happened

TOKEN_BYTES = 32


def _tell(
    action: str,
    *,
    actor: User | None,
    team: Team | None = None,
    target: models.Model | None = None,
    detail: dict[str, str] | None = None,
) -> None:
    happened.send(Team, action=action, actor=actor, team=team, target=target, detail=detail or {})


@transaction.atomic
def create_user(
    *,
    email: str,
    password: str | None,
    name: str = "",
    language: str = "",
    is_admin: bool = False,
    actor: User | None = None,
) -> User:
    """Create an account; raises AddressTaken."""
    if User.objects.filter(email__iexact=email.strip()).exists():
        raise AddressTaken
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                email, password, name=name, language=language, is_staff=is_admin, is_superuser=is_admin
            )
    except IntegrityError:  # somebody was quicker
        raise AddressTaken from None
    _tell("user.created", actor=actor or user, target=user, detail={"email": user.email})
    return user


@transaction.atomic
def create_team(*, name: str, owner: User | None, actor: User | None = None) -> Team:
    """Create a team; the owner becomes its first member."""
    team = Team.objects.create(name=name)
    if owner is not None:
        Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    _tell("team.created", actor=actor or owner, team=team, target=team, detail={"name": name})
    return team


def found_team(*, user: User, name: str) -> Team:
    """Create a team for a person by themselves, where the operator allows it."""
    if not (settings.ENV.teams_by_members or user.is_staff):
        raise TeamsByAdminsOnly
    return create_team(name=name, owner=user)


@transaction.atomic
def add_member(*, team: Team, user: User, role: Role, actor: User | None = None) -> Membership:
    """Make a person a member; raises AlreadyMember."""
    membership, made = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    if not made:
        raise AlreadyMember
    _tell("member.added", actor=actor, team=team, target=user, detail={"role": role.value})
    return membership


@transaction.atomic
def rename_team(*, user: User, access: TeamAccess, name: str) -> Team:
    """Give the team another name."""
    access.require(Role.ADMIN)
    team = access.team
    before, team.name = team.name, name
    team.save(update_fields=["name", "updated_at"])
    _tell("team.renamed", actor=user, team=team, target=team, detail={"from": before, "to": name})
    return team


def _locked_member(access: TeamAccess, membership_id: UUID) -> Membership:
    """Return the membership; the team row is locked, so that two owners cannot step down at the same time."""
    Team.objects.select_for_update().get(pk=access.team.pk)
    member = Membership.objects.filter(team=access.team, pk=membership_id).select_related("user").first()
    if member is None:
        raise NotFound
    return member


def _require_another_owner(member: Membership) -> None:
    owners = Membership.objects.filter(team_id=member.team_id, role=Role.OWNER, user__is_active=True)
    if member.role == Role.OWNER and not owners.exclude(pk=member.pk).exists():
        raise LastOwner


@transaction.atomic
def change_role(*, user: User, access: TeamAccess, membership_id: UUID, role: Role) -> Membership:
    """Give a member another role. Nobody touches or gives a role above their own."""
    access.require(Role.ADMIN)
    member = _locked_member(access, membership_id)
    access.require(role)
    access.require(Role(member.role))
    if role != Role.OWNER:
        _require_another_owner(member)
    before, member.role = member.role, role
    member.save(update_fields=["role", "updated_at"])
    _tell("member.role", actor=user, team=access.team, target=member.user, detail={"from": before, "to": role.value})
    return member


@transaction.atomic
def remove_member(*, user: User, access: TeamAccess, membership_id: UUID) -> None:
    """Take a member out of the team; from the commit on nothing of the team is readable for them."""
    member = _locked_member(access, membership_id)
    if member.user_id != user.pk:
        access.require(Role.ADMIN)
        access.require(Role(member.role))
    _require_another_owner(member)
    action = "member.left" if member.user_id == user.pk else "member.removed"
    member.delete()
    _tell(action, actor=user, team=access.team, target=member.user, detail={"role": member.role})


def leave_team(*, user: User, access: TeamAccess) -> None:
    """Take oneself out of the team."""
    membership = Membership.objects.filter(team=access.team, user=user).values_list("pk", flat=True).first()
    if membership is None:
        raise NotFound
    remove_member(user=user, access=access, membership_id=membership)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(
    *, user: User, access: TeamAccess, role: Role, email: str = "", days: int | None = None
) -> tuple[Invitation, str]:
    """Return a new invitation and its token, which is kept nowhere else."""
    access.require(Role.ADMIN)
    access.require(role)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    invitation = Invitation.objects.create(
        team=access.team,
        role=role,
        email=email.strip().lower(),
        token_hash=_hash(token),
        created_by=user,
        expires_at=timezone.now() + timedelta(days=days or settings.ENV.invitation_days),
    )
    detail = {"role": role.value, "email": invitation.email}
    _tell("invitation.made", actor=user, team=access.team, target=invitation, detail=detail)
    return invitation, token


@transaction.atomic
def revoke_invitation(*, user: User, access: TeamAccess, invitation_id: UUID) -> None:
    """Make a link useless. Repeating it changes nothing."""
    access.require(Role.ADMIN)
    invitation = Invitation.objects.select_for_update().filter(team=access.team, pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    if not invitation.is_open:
        return
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at", "updated_at"])
    _tell("invitation.revoked", actor=user, team=access.team, target=invitation)


def find_invitation(token: str) -> Invitation:
    """Return the open invitation of a link; raises NotFound for a wrong one, InvitationClosed for a spent one."""
    invitation = Invitation.objects.select_related("team", "created_by").filter(token_hash=_hash(token)).first()
    if invitation is None:
        raise NotFound
    if not _is_usable(invitation):
        raise InvitationClosed
    return invitation


def _is_usable(invitation: Invitation) -> bool:
    """An invitation dies with the rights of the person who made it."""
    maker = Membership.objects.filter(team=invitation.team, user=invitation.created_by, user__is_active=True).first()
    return invitation.is_open and maker is not None and Role(maker.role).covers(Role(invitation.role))


@transaction.atomic
def accept_invitation(*, user: User, token: str) -> Membership:
    """Make a signed-in person a member by the link, once."""
    found = find_invitation(token)
    invitation = Invitation.objects.select_for_update(of=("self",)).select_related("team").get(pk=found.pk)
    if not invitation.is_open:
        raise InvitationClosed
    if invitation.email and invitation.email != user.email.lower():
        raise InvitationForSomebodyElse
    membership = add_member(team=invitation.team, user=user, role=Role(invitation.role), actor=user)
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by", "updated_at"])
    _tell("invitation.accepted", actor=user, team=invitation.team, target=invitation)
    return membership


@transaction.atomic
def join_with_new_account(*, token: str, email: str, name: str, password: str) -> User:
    """Create an account through an invitation; a bound address is used whatever was typed."""
    invitation = find_invitation(token)
    user = create_user(email=invitation.email or email, password=password, name=name)
    accept_invitation(user=user, token=token)
    return user


@transaction.atomic
def sign_out_everywhere(*, user: User) -> None:
    """End all sessions of the person: the epoch is part of every session's hash."""
    User.objects.filter(pk=user.pk).update(session_epoch=models.F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    _tell("user.signed-out-everywhere", actor=user, target=user)
