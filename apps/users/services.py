"""Accounts and teams: what is created, renamed, suspended."""

from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from apps.core.errors import NotFound
from apps.users.access import TeamAccess
from apps.users.errors import AddressTaken, AlreadyMember, TeamsByAdminsOnly
from apps.users.models import Membership, Role, Team, User
from apps.users.permissions import Action
from apps.users.signals import tell


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
    tell("user.created", actor=actor or user, target=user, detail={"email": user.email})
    return user


@transaction.atomic
def create_team(*, name: str, owner: User | None, actor: User | None = None) -> Team:
    """Create a team; the owner becomes its first member."""
    team = Team.objects.create(name=name)
    if owner is not None:
        Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    tell("team.created", actor=actor or owner, team=team, target=team, detail={"name": name})
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
    tell("member.added", actor=actor, team=team, target=user, detail={"role": role.value})
    return membership


@transaction.atomic
def rename_team(*, user: User, access: TeamAccess, name: str) -> Team:
    """Give the team another name."""
    access.require_action(Action.CHANGE_SETTINGS)
    team = access.team
    before, team.name = team.name, name
    team.save(update_fields=["name", "updated_at"])
    tell("team.renamed", actor=user, team=team, target=team, detail={"from": before, "to": name})
    return team


@transaction.atomic
def sign_out_everywhere(*, user: User) -> None:
    """End all sessions of the person: the epoch is part of every session's hash."""
    User.objects.filter(pk=user.pk).update(session_epoch=models.F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    tell("user.signed-out-everywhere", actor=user, target=user)


@transaction.atomic
def require_mfa(*, user: User, access: TeamAccess, is_required: bool) -> Team:
    """Let only members with a second factor in, or everybody again."""
    access.require_action(Action.CHANGE_SETTINGS)
    team = access.team
    if team.requires_mfa != is_required:
        team.requires_mfa = is_required
        team.save(update_fields=["requires_mfa", "updated_at"])
        tell("team.mfa", actor=user, team=team, target=team, detail={"required": "yes" if is_required else "no"})
    return team


@transaction.atomic
def suspend_team(*, actor: User, team_id: UUID, reason: str = "") -> Team:
    """Let nobody into a team until it is resumed; nothing is lost. For administrators of the installation.

    Raises NotFound. Repeating it changes nothing.
    """
    return _set_suspended(actor, team_id, is_suspended=True, reason=reason)


@transaction.atomic
def resume_team(*, actor: User, team_id: UUID, reason: str = "") -> Team:
    """Let the members of a suspended team in again."""
    return _set_suspended(actor, team_id, is_suspended=False, reason=reason)


def _set_suspended(actor: User, team_id: UUID, *, is_suspended: bool, reason: str) -> Team:
    team = Team.objects.select_for_update(no_key=True).filter(pk=team_id).first()
    if team is None:
        raise NotFound
    if (team.suspended_at is not None) != is_suspended:
        team.suspended_at = timezone.now() if is_suspended else None
        team.save(update_fields=["suspended_at", "updated_at"])
        action = "team.suspended" if is_suspended else "team.resumed"
        tell(action, actor=actor, team=team, target=team, detail={"reason": reason})
    return team
