"""Work on people and teams that no page waits for."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from apps.users import deletion, invitation_mail

logger = logging.getLogger(__name__)


def ring_mail() -> None:
    """Ask for the waiting invitations to be sent; where the broker is away, the poller does."""
    try:
        send_invitations.apply_async(retry=False)
    except OperationalError:
        logger.warning("The broker did not take the task; it is sent again", extra={"task": "send_invitations"})


@shared_task(ignore_result=True, time_limit=900)
def send_invitations() -> None:
    """Send the invitations that wait for it; beat asks every two minutes as well, for a lost bell."""
    invitation_mail.send_waiting()


@shared_task(ignore_result=True, time_limit=3_000)
def remove_teams() -> None:
    """Remove the teams whose time to be called back is over."""
    deletion.remove_due()
