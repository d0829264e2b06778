"""The gates of this app: no team is loaded for a person in any other way."""

from dataclasses import dataclass
from uuid import UUID

from apps.core.errors import Forbidden, NotFound
from apps.users.models import Membership, Role, Team, User


@dataclass(frozen=True, slots=True)
class TeamAccess:
    """A team and what the person may do in it."""

    team: Team
    role: Role

    def require(self, role: Role) -> None:
        """Raise Forbidden unless the person's role covers `role`."""
        if not self.role.covers(role):
            raise Forbidden


def role_in(user: User, team_id: UUID) -> Role | None:
    """Return the person's role in the team, None for a stranger, an ex-member or a suspended account."""
    if not user.is_active:
        return None
    role = Membership.objects.filter(user=user, team_id=team_id).values_list("role", flat=True).first()
    return Role(role) if role else None


def access_team(user: User, team_id: UUID, *, at_least: Role = Role.VIEWER) -> TeamAccess:
    """Return the team for a member; raises NotFound for others and Forbidden for too low a role."""
    membership = (
        Membership.objects.select_related("team").filter(user=user, team_id=team_id, user__is_active=True).first()
    )
    if membership is None:
        raise NotFound
    access = TeamAccess(membership.team, Role(membership.role))
    access.require(at_least)
    return access
