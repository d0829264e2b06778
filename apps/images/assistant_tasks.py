"""What the workers of the answer queue do for the studio: prompts for themes, scenes for stories."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError as BrokerError

from apps.images.assistant import mailbox
from apps.images.stories_work import has_waiting, take_back, work_one

logger = logging.getLogger(__name__)
EXPIRES_S = int(mailbox.WAIT_S)


def ring(token: str) -> None:
    """Tell the broker of a theme that somebody waits for."""
    try:
        write_prompt.apply_async((token,), retry=False, expires=EXPIRES_S)
    except BrokerError:
        logger.warning("the broker did not take a theme", extra={"wish": token})


@shared_task(ignore_result=True)
def write_prompt(token: str) -> None:
    """Write the prompt of a theme (`assistant.mailbox`)."""
    try:
        mailbox.run(token)
    except Exception:  # the edge of the task: whatever broke, the asker is told
        logger.exception("a prompt was not written", extra={"wish": token})
        mailbox.fail(token)


def ring_story() -> None:
    """Tell the broker that a story waits. It is only a bell: `poll_stories` rings a little later without it."""
    try:
        find_scenes.apply_async(retry=False)
    except BrokerError:
        logger.warning("the broker did not take a story; it is sent again")


@shared_task(ignore_result=True)
def find_scenes() -> None:
    """Find the scenes of the story that waits longest, one after the other."""
    while work_one():
        pass


@shared_task(ignore_result=True)
def poll_stories() -> None:
    """Take back what dead workers held and ring for what nobody heard of."""
    if take_back() or has_waiting():
        ring_story()
