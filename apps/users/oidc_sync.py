"""What the groups of the single sign-on provider mean here: memberships, roles and groups, at each sign-in.

A mapping says: whoever has this value in the groups claim is a member of this team with this role, and perhaps of one
of its groups. What a mapping gave is taken back when the claim goes. What a person gave stays: somebody invited keeps
their role, and a member who was put into a group by hand stays in it.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.db import transaction

from apps.core.errors import NotFound
from apps.users.access import TeamAccess
from apps.users.models import Group, GroupMapping, GroupMember, Membership, PastMember, Role, Team, User
from apps.users.permissions import Action
from apps.users.signals import tell

MOST_GROUPS = 1_000
CLAIM_CHARS = 200


def claimed_groups(claims: dict[str, Any]) -> frozenset[str]:
    """Return the person's groups at the provider; a claim of another form counts as none."""
    given = claims.get(settings.ENV.oidc_groups_claim)
    values = given if isinstance(given, list) else [given]
    return frozenset(one[:CLAIM_CHARS] for one in values[:MOST_GROUPS] if isinstance(one, str) and one)


def on_signed_in(*, user: User, sociallogin: SocialLogin | None = None, **_: Any) -> None:
    """Bring memberships up to what the provider says, whenever somebody signs in by it."""
    if sociallogin is not None:
        claims = sociallogin.account.extra_data.get("userinfo", {})
        sync(user, claimed_groups(claims))


@transaction.atomic
def sync(user: User, groups: Iterable[str]) -> None:
    """Give what the mappings of these groups say, take back what earlier ones gave and these do not."""
    mappings = GroupMapping.objects.filter(claim__in=list(groups), team__deletion_at=None).select_related(
        "team", "group"
    )
    wanted: dict[UUID, list[GroupMapping]] = {}
    for mapping in mappings:
        wanted.setdefault(mapping.team_id, []).append(mapping)
    for rows in wanted.values():
        _join(user, rows[0].team, max((Role(row.role) for row in rows), key=lambda role: role.rank))
    _leave(user, set(wanted))
    _regroup(user, {row.group_id: row for rows in wanted.values() for row in rows if row.group_id})


def _join(user: User, team: Team, role: Role) -> None:
    """Make the person a member; the role of a membership that a mapping made follows the claim."""
    member, made = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role, "is_synced": True})
    if made:
        tell("member.added", actor=user, team=team, target=user, detail={"role": role.value, "by": "sign-on"})
    elif member.is_synced and member.role != role:
        detail = {"from": member.role, "to": role.value, "by": "sign-on"}
        Membership.objects.filter(pk=member.pk).update(role=role)
        tell("member.role", actor=user, team=team, target=user, detail=detail)


def _leave(user: User, kept: set[UUID]) -> None:
    """End memberships that a mapping made and none makes now; a team's last owner stays."""
    for member in Membership.objects.filter(user=user, is_synced=True).exclude(team__in=kept).select_related("team"):
        owners = Membership.objects.filter(team=member.team_id, role=Role.OWNER).exclude(pk=member.pk)
        if member.role == Role.OWNER and not owners.exists():
            continue
        member.delete()
        PastMember.objects.get_or_create(team=member.team, user=user)  # their mail domain does not bring them back
        tell("member.removed", actor=user, team=member.team, target=user, detail={"by": "sign-on"})


def _regroup(user: User, wanted: dict[UUID, GroupMapping]) -> None:
    """Put the person into the groups of the mappings and out of those that earlier ones put them into."""
    GroupMember.objects.filter(membership__user=user, is_synced=True).exclude(group__in=list(wanted)).delete()
    members = dict(Membership.objects.filter(user=user).values_list("team_id", "pk"))
    rows = [
        GroupMember(group_id=group_id, membership_id=members[mapping.team_id], is_synced=True)
        for group_id, mapping in wanted.items()
        if mapping.team_id in members
    ]
    GroupMember.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def add_mapping(*, user: User, access: TeamAccess, claim: str, role: Role, group_id: UUID | None) -> GroupMapping:
    """Let people of a provider's group into the team; nobody gives a role above their own. Raises NotFound, Forbidden.

    It takes effect at their next sign-in.
    """
    access.require_action(Action.CHANGE_SETTINGS)
    access.require(role)
    group = Group.objects.filter(team=access.team, pk=group_id).first() if group_id else None
    if group_id and group is None:
        raise NotFound
    row, _made = GroupMapping.objects.update_or_create(
        team=access.team, claim=claim.strip()[:CLAIM_CHARS], group=group, defaults={"role": role}
    )
    tell("mapping.added", actor=user, team=access.team, target=row, detail={"claim": row.claim, "role": role.value})
    return row


@transaction.atomic
def remove_mapping(*, user: User, access: TeamAccess, mapping_id: UUID) -> None:
    """Let people of a provider's group in no more; who came by it leaves at their next sign-in."""
    access.require_action(Action.CHANGE_SETTINGS)
    row = GroupMapping.objects.filter(team=access.team, pk=mapping_id).first()
    if row is None:
        raise NotFound
    tell("mapping.removed", actor=user, team=access.team, target=row, detail={"claim": row.claim})
    row.delete()
