"""What a deleted team leaves in the counters."""

from uuid import UUID

from apps.metering.limits import forget_team
from apps.users.deletion import Beat, removes


@removes("metering", order=60)
def remove_counters(team_id: UUID, _beat: Beat) -> None:
    """Remove the team's limits and counters. The ledger keeps its amounts under ids that name nobody any more."""
    forget_team(team_id)
