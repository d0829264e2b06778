"""Changes to who is in a team, and as what.

Each locks the team's row and reads the actor's role again under it: two owners cannot step down at the same time, and
who was demoted a moment ago changes nothing any more.
"""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.core.errors import NotFound
from apps.users.access import TeamAccess, access_team
from apps.users.errors import LastOwner, NotYourself, Suspended
from apps.users.models import Membership, PastMember, Role, Team, User
from apps.users.permissions import Action
from apps.users.signals import tell


def _lock(user: User, access: TeamAccess) -> TeamAccess:
    """Return the person's access of this moment; nobody else changes members until the transaction ends."""
    Team.objects.select_for_update(no_key=True).filter(pk=access.team.pk).first()
    return access_team(user, access.team.pk)


def access_member(access: TeamAccess, membership_id: UUID) -> Membership:
    """Return a member of the team; raises NotFound."""
    member = Membership.objects.filter(team=access.team, pk=membership_id).select_related("user").first()
    if member is None:
        raise NotFound
    return member


def _require_another_owner(member: Membership) -> None:
    """Raise LastOwner when the member is the only owner who can act."""
    owners = Membership.objects.filter(
        team_id=member.team_id, role=Role.OWNER, suspended_at=None, user__is_active=True
    ).exclude(pk=member.pk)
    if member.role == Role.OWNER and not owners.exists():
        raise LastOwner


@transaction.atomic
def change_role(*, user: User, access: TeamAccess, membership_id: UUID, role: Role) -> Membership:
    """Give a member another role. Nobody touches or gives a role above their own."""
    access = _lock(user, access)
    access.require_action(Action.CHANGE_ROLES)
    member = access_member(access, membership_id)
    access.require(role)
    access.require(Role(member.role))
    if role != Role.OWNER:
        _require_another_owner(member)
    before, member.role = member.role, role
    member.save(update_fields=["role", "updated_at"])
    tell("member.role", actor=user, team=access.team, target=member.user, detail={"from": before, "to": role.value})
    return member


@transaction.atomic
def hand_over(*, user: User, access: TeamAccess, membership_id: UUID) -> Membership:
    """Make a member an owner and oneself an admin. Raises Forbidden for others than owners, Suspended, NotYourself."""
    access = _lock(user, access)
    access.require_action(Action.MAKE_OWNERS)
    member = access_member(access, membership_id)
    if member.user_id == user.pk:
        raise NotYourself
    if member.suspended_at is not None or not member.user.is_active:
        raise Suspended
    Membership.objects.filter(pk=member.pk).update(role=Role.OWNER, updated_at=timezone.now())
    Membership.objects.filter(team=access.team, user=user).update(role=Role.ADMIN, updated_at=timezone.now())
    detail = {"from": member.role, "to": Role.OWNER.value}
    tell("team.handed-over", actor=user, team=access.team, target=member.user, detail=detail)
    member.refresh_from_db(fields=["role"])
    return member


@transaction.atomic
def suspend_member(*, user: User, access: TeamAccess, membership_id: UUID) -> Membership:
    """Let a member in no more until they are resumed; role, groups and chats are kept. Repeating it changes nothing."""
    member = _for_suspension(user, access, membership_id)
    if member.suspended_at is None:
        _require_another_owner(member)
        member.suspended_at = timezone.now()
        member.save(update_fields=["suspended_at", "updated_at"])
        tell("member.suspended", actor=user, team=access.team, target=member.user)
    return member


@transaction.atomic
def resume_member(*, user: User, access: TeamAccess, membership_id: UUID) -> Membership:
    """Let a suspended member in again."""
    member = _for_suspension(user, access, membership_id)
    if member.suspended_at is not None:
        member.suspended_at = None
        member.save(update_fields=["suspended_at", "updated_at"])
        tell("member.resumed", actor=user, team=access.team, target=member.user)
    return member


def _for_suspension(user: User, access: TeamAccess, membership_id: UUID) -> Membership:
    access = _lock(user, access)
    access.require_action(Action.SUSPEND_MEMBERS)
    member = access_member(access, membership_id)
    if member.user_id == user.pk:
        raise NotYourself
    access.require(Role(member.role))
    return member


@transaction.atomic
def remove_member(*, user: User, access: TeamAccess, membership_id: UUID) -> None:
    """Take a member out of the team; from the commit on nothing of the team is readable for them."""
    access = _lock(user, access)
    member = access_member(access, membership_id)
    is_leaving = member.user_id == user.pk
    if not is_leaving:
        access.require_action(Action.SUSPEND_MEMBERS)
        access.require(Role(member.role))
    _require_another_owner(member)
    member.delete()
    PastMember.objects.get_or_create(team=access.team, user=member.user)
    action = "member.left" if is_leaving else "member.removed"
    tell(action, actor=user, team=access.team, target=member.user, detail={"role": member.role})


def leave_team(*, user: User, access: TeamAccess) -> None:
    """Take oneself out of the team."""
    membership = Membership.objects.filter(team=access.team, user=user).values_list("pk", flat=True).first()
    if membership is None:
        raise NotFound
    remove_member(user=user, access=access, membership_id=membership)
