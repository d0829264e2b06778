"""Counts each request of an API key, and refuses it where nothing is left."""

from typing import Any

from apps.metering.models import Resource
from apps.metering.services import spend
from apps.users.models import Team, User
from apps.users.signals import api_called


def on_called(*, user: User, team: Team, **_: Any) -> None:
    """Count one call; raises QuotaExceeded, which ends the request with 429."""
    spend(user=user, team=team, amounts={Resource.API_CALLS: 1})


def connect() -> None:
    """Listen; called once when the apps are ready."""
    api_called.connect(on_called, dispatch_uid="metering.api-called")
