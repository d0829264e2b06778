"""What happened to people and teams, told upwards: this app may not import the audit log above it."""

from collections.abc import Mapping

from django.db import models
from django.dispatch import Signal

from apps.users.models import Team, User

# Arguments: action (str), actor (User | None), team (Team | None), target (Model | None), detail (dict).
# Sent inside the transaction of the change, so a change that cannot be recorded does not happen.
happened = Signal()


def tell(
    action: str,
    *,
    actor: User | None,
    team: Team | None = None,
    target: models.Model | None = None,
    detail: Mapping[str, str] | None = None,
) -> None:
    """Say what was done, by whom, to what."""
    happened.send(Team, action=action, actor=actor, team=team, target=target, detail=dict(detail or {}))


# Arguments: key (ApiKey), user (User), team (Team). Sent once for each request that a key makes, before it is carried
# out; a receiver that raises refuses it.
api_called = Signal()

# Arguments: user (User), email (str). The person proved that mail to the address reaches them.
address_proven = Signal()
