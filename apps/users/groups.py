"""Changes to the groups of a team."""

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core.errors import NotFound
from apps.users.access import TeamAccess
from apps.users.errors import GroupNameTaken
from apps.users.models import Group, GroupMember, Membership, User
from apps.users.permissions import Action
from apps.users.signals import tell


def access_group(access: TeamAccess, group_id: UUID) -> Group:
    """Return a group of the team; raises NotFound."""
    group = Group.objects.filter(team=access.team, pk=group_id).first()
    if group is None:
        raise NotFound
    return group


@transaction.atomic
def create_group(*, user: User, access: TeamAccess, name: str, description: str = "") -> Group:
    """Create an empty group; raises GroupNameTaken."""
    access.require_action(Action.MANAGE_GROUPS)
    group = Group(team=access.team, name=name, description=description)
    _save(group)
    tell("group.created", actor=user, team=access.team, target=group, detail={"name": name})
    return group


@transaction.atomic
def change_group(*, user: User, access: TeamAccess, group_id: UUID, name: str, description: str) -> Group:
    """Give a group another name and description; raises GroupNameTaken."""
    access.require_action(Action.MANAGE_GROUPS)
    group = access_group(access, group_id)
    before, group.name, group.description = group.name, name, description
    _save(group)
    tell("group.renamed", actor=user, team=access.team, target=group, detail={"from": before, "to": name})
    return group


def _save(group: Group) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError:
        raise GroupNameTaken from None


@transaction.atomic
def delete_group(*, user: User, access: TeamAccess, group_id: UUID) -> None:
    """Delete a group; the rights and limits given to it go with it."""
    access.require_action(Action.MANAGE_GROUPS)
    group = access_group(access, group_id)
    tell("group.deleted", actor=user, team=access.team, target=group, detail={"name": group.name})
    group.delete()


@transaction.atomic
def add_members(*, user: User, access: TeamAccess, group_id: UUID, membership_ids: Sequence[UUID]) -> int:
    """Put members of the team into a group; returns how many were not in it. Raises NotFound, for all then."""
    access.require_action(Action.MANAGE_GROUPS)
    group = access_group(access, group_id)
    wanted = set(membership_ids)
    members = list(
        Membership.objects.select_for_update(of=("self",), no_key=True)
        .filter(team=access.team, pk__in=wanted)
        .select_related("user")
        .order_by("pk")
    )
    if len(members) != len(wanted):
        raise NotFound
    inside = set(GroupMember.objects.filter(group=group, membership__in=members).values_list("membership", flat=True))
    new = [member for member in members if member.pk not in inside]
    GroupMember.objects.bulk_create([GroupMember(group=group, membership=one) for one in new], ignore_conflicts=True)
    for member in new:
        tell("group.member-added", actor=user, team=access.team, target=member.user, detail={"group": group.name})
    return len(new)


@transaction.atomic
def remove_member(*, user: User, access: TeamAccess, group_id: UUID, membership_id: UUID) -> None:
    """Take a member out of a group. Repeating it changes nothing."""
    access.require_action(Action.MANAGE_GROUPS)
    group = access_group(access, group_id)
    inside = (
        GroupMember.objects.filter(group=group, membership=membership_id).select_related("membership__user").first()
    )
    if inside is None:
        return
    inside.delete()
    person = inside.membership.user
    tell("group.member-removed", actor=user, team=access.team, target=person, detail={"group": group.name})


@transaction.atomic
def choose_groups(*, user: User, access: TeamAccess, membership_id: UUID, group_ids: Sequence[UUID]) -> None:
    """Put a member into exactly these groups of the team. Raises NotFound, and changes nothing then."""
    access.require_action(Action.MANAGE_GROUPS)
    member = (
        Membership.objects.select_for_update(of=("self",), no_key=True)
        .filter(team=access.team, pk=membership_id)
        .select_related("user")
        .first()
    )
    wanted = {group.pk: group for group in Group.objects.filter(team=access.team, pk__in=set(group_ids))}
    if member is None or len(wanted) != len(set(group_ids)):
        raise NotFound
    inside = {row.group_id: row for row in GroupMember.objects.filter(membership=member).select_related("group")}
    for group_id, row in inside.items():
        if group_id not in wanted:
            row.delete()
            _tell_about("group.member-removed", user, access, member, row.group)
    for group_id, group in wanted.items():
        if group_id not in inside:
            GroupMember.objects.get_or_create(group=group, membership=member)
            _tell_about("group.member-added", user, access, member, group)


def _tell_about(action: str, user: User, access: TeamAccess, member: Membership, group: Group) -> None:
    tell(action, actor=user, team=access.team, target=member.user, detail={"group": group.name})
