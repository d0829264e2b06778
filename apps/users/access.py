"""The gates of this app: no team is loaded for a person in any other way."""

from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from apps.core.errors import Forbidden, NotFound
from apps.users.models import Membership, MembershipQuerySet, Role, Team, User
from apps.users.permissions import Action, least


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What the API key of the request under way allows at most; its person's own rights bound it as well."""

    key_id: UUID
    team_id: UUID
    scopes: frozenset[str]
    library_ids: frozenset[UUID] | None  # None: all that the person may use


# Set by the API's authentication for one request and reset at its end; None: a person in a browser, or a task. The
# gates and `readable_by` read it, so that no view can forget it.
acting_key: ContextVar[KeyLimits | None] = ContextVar("acting_key", default=None)


@dataclass(frozen=True, slots=True)
class TeamAccess:
    """A team and what the person may do in it."""

    team: Team
    role: Role

    def require(self, role: Role) -> None:
        """Raise Forbidden unless the person's role covers `role`."""
        if not self.role.covers(role):
            raise Forbidden

    def may(self, action: Action) -> bool:
        """Return whether the person's role allows it."""
        return self.role.covers(least(action))

    def require_action(self, action: Action) -> None:
        """Raise Forbidden unless the person's role allows it."""
        self.require(least(action))


def require_system_admin(user: User) -> None:
    """Raise NotFound unless the person administers the installation: others are told that there is no such page.

    An API key never does.
    """
    if not (user.is_superuser and user.is_active) or acting_key.get() is not None:
        raise NotFound


def memberships_of(user: User) -> MembershipQuerySet:
    """Return the memberships by which the person has rights now: through an API key only that of its team."""
    live = Membership.objects.live().filter(user=user)
    key = acting_key.get()
    return live if key is None else live.filter(team=key.team_id)


def role_in(user: User, team_id: UUID) -> Role | None:
    """Return the person's role in the team, None for a stranger, an ex-member or a suspended account."""
    role = memberships_of(user).filter(team=team_id).values_list("role", flat=True).first()
    return Role(role) if role else None


def access_team(
    user: User, team_id: UUID, *, at_least: Role = Role.VIEWER, may: Action = Action.SEE_MEMBERS
) -> TeamAccess:
    """Return the team for a member; raises NotFound for others and Forbidden for too low a role."""
    membership = memberships_of(user).select_related("team").filter(team=team_id).first()
    if membership is None:
        raise NotFound
    access = TeamAccess(membership.team, Role(membership.role))
    access.require(at_least)
    access.require_action(may)
    return access


def access_leaving_team(user: User, team_id: UUID) -> Team:
    """Return a team on its way out, for whoever may call it back; raises NotFound for everybody else."""
    owners = Membership.objects.filter(user=user, role=Role.OWNER, suspended_at=None, user__is_active=True)
    team = Team.objects.filter(pk=team_id, suspended_at=None, memberships__in=owners).exclude(deletion_at=None).first()
    if team is None or acting_key.get() is not None:
        raise NotFound
    return team
