"""What a worker does for a story, one scene at a time, so that questions and other stories come between.

The row is the queue: a slice is claimed by a lease, whose end is also the token that fences off a worker that was
given up.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from apps.catalog.errors import NoModel
from apps.catalog.services import spec_of
from apps.catalog.suiting import is_demo
from apps.core import tenancy
from apps.core.errors import AppError, NotFound
from apps.core.leases import renewing
from apps.images.assistant import choosing, mailbox, words
from apps.images.assistant.craft import negative_list
from apps.images.assistant.errors import (
    AssistantFailed,
    AssistantStopped,
    AssistantTooSlow,
    NothingToTell,
    NotWritten,
    StoryLost,
)
from apps.images.assistant.writing import Ask, Use, write
from apps.images.errors import ModelGone, RightLost
from apps.images.models import ImageJob, Scene, Story
from apps.images.ordering import order_from_json
from apps.images.resolving import model_of
from apps.images.story_passages import plain_prompt, scenes_of
from apps.libraries.models import Document
from apps.libraries.reading import load_blocks
from apps.metering.errors import QuotaExceeded
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure
from apps.users.models import Membership

logger = logging.getLogger(__name__)
State = ImageJob.State
LEASE_S = 30.0  # renewed while a model writes
ATTEMPTS = 3
LOOK_S = 0.5
THEME_CHARS = 400  # of a passage: a small model reads no more with profit


@dataclass(slots=True)
class Held:
    """A story that this process owns for one slice, as long as it renews the lease."""

    story: Story
    until: datetime
    lock: Lock = field(default_factory=Lock)

    def is_held(self) -> bool:
        """Return whether it was neither stopped nor given to another worker."""
        with self.lock:
            return self._rows().exists()

    def _rows(self) -> QuerySet[Story]:
        return Story.objects.filter(pk=self.story.pk, state=State.RUNNING, lease_until=self.until)

    def renew(self) -> None:
        """Hold it for another while, unless it was lost."""
        with self.lock, tenancy.acting_for(self.story.team_id):
            later = _lease_end()
            if self._rows().update(lease_until=later):
                self.until = later

    def end(self, **values: object) -> None:
        """Let go of it with these values, unless it was lost."""
        with self.lock, tenancy.acting_for(self.story.team_id):
            self._rows().update(lease_until=None, updated_at=Now(), **values)


def has_waiting() -> bool:
    """Return whether a story waits for a worker."""
    with tenancy.everything("workers serve all teams"):
        return Story.objects.filter(state=State.QUEUED).exists()


def take_back() -> int:
    """Queue again what dead workers held; what several died at fails. Return how many were taken back."""
    with tenancy.everything("workers serve all teams"):
        lost = Story.objects.filter(state=State.RUNNING, lease_until__lt=Now())
        lost.filter(attempts__gte=ATTEMPTS).update(state=State.FAILED, error_code=StoryLost.code, lease_until=None)
        return lost.update(state=State.QUEUED, lease_until=None)


def work_one() -> bool:
    """Do one slice of the story that waits longest; return whether there was one."""
    held = _claim()
    if held is None:
        return False
    try:
        with tenancy.acting_for(held.story.team_id), renewing(held.renew, lambda: LEASE_S / 3, "story-lease"):
            is_over = _slice(held)
        held.end(state=State.DONE if is_over else State.QUEUED, attempts=0)
    except AppError as error:
        _fail(held, error)
    except RuntimeFailure:
        logger.exception("a story's model failed", extra={"story": held.story.pk})
        _fail(held, AssistantFailed())
    return True


def _fail(held: Held, error: AppError) -> None:
    held.end(state=State.FAILED, error_code=error.code)


@transaction.atomic
def _claim() -> Held | None:
    with tenancy.everything("workers serve all teams"):
        waiting = Story.objects.filter(state=State.QUEUED).order_by("updated_at")
        story = waiting.select_for_update(skip_locked=True, of=("self",)).first()
        if story is None:
            return None
        until = _lease_end()
        Story.objects.filter(pk=story.pk).update(
            state=State.RUNNING, lease_until=until, attempts=F("attempts") + 1, updated_at=Now()
        )
    return Held(story, until)


def _lease_end() -> datetime:
    """Return when a lease taken now ends, by the clock of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() + make_interval(secs => %s)", [LEASE_S])
        until: datetime = cursor.fetchone()[0]
        return until


def _slice(held: Held) -> bool:
    """Find the scenes, or write the prompt of the next one; return whether that was the last. Raises AppError."""
    story = held.story
    document = _document_still(story)
    if not Scene.objects.filter(story=story).exists():
        _find(story, document)
        return False
    waiting = Scene.objects.filter(story=story, deleted_at=None, prompt="").order_by("number")
    scene = waiting.first()
    if scene is not None:
        _prompt(held, scene)
    return not waiting.exists()


def _document_still(story: Story) -> Document:
    if not Membership.objects.live().filter(user=story.owner, team=story.team_id).exists():
        raise RightLost
    readable = Document.objects.readable_by(story.owner).select_related("current_version")
    document = readable.filter(pk=story.document_id).first()
    if document is None:
        raise NotFound
    return document


def _find(story: Story, document: Document) -> None:
    passages = scenes_of(load_blocks(document.current_version)) if document.current_version else []
    if not passages:
        raise NothingToTell
    Scene.objects.bulk_create(
        Scene(story=story, number=number, chapter=each.chapter, text=each.text, page=each.page)
        for number, each in enumerate(passages, 1)
    )


def _prompt(held: Held, scene: Scene) -> None:
    """Keep a prompt for a scene: the assistant's, or the passage's first words where no model can write one."""
    negative = ""
    is_plain = False
    try:
        prompt, negative = _written(held, scene.text)
    except (NotWritten, AssistantTooSlow, NoModel, QuotaExceeded, ModelGone, RuntimeFailure) as error:
        logger.info("a scene's prompt is its own words", extra={"scene": scene.pk, "reason": type(error).__name__})
        prompt, is_plain = plain_prompt(scene.text) or plain_prompt(scene.chapter) or "a scene", True
    except AssistantStopped:
        return
    if held.is_held():
        unwritten = Scene.objects.filter(pk=scene.pk, prompt="")  # else its owner wrote one meanwhile
        unwritten.update(prompt=prompt, negative=negative, is_plain=is_plain, updated_at=Now())


def _written(held: Held, text: str) -> tuple[str, str]:
    story = held.story
    theme = " ".join(text.split())[:THEME_CHARS]
    drawn_by = model_of(story.owner, story.team, order_from_json(story.order).model)
    writer = choosing.choose(story.owner, story.team, theme)
    own = negative_list(words.words_of(story.owner, story.team))
    reservation, use = mailbox.hold(story.owner, story.team, writer.name), Use()
    try:
        asked = Ask(theme, own, is_demo(drawn_by))
        found = write(registry.chat_model(spec_of(writer)), asked, use, _unwanted(held))
    finally:
        mailbox.settle(reservation, use)
    return found.prompt, found.negative


def _unwanted(held: Held) -> Callable[[], bool]:
    """Return what says whether the story was stopped, asking the row now and then."""
    asked_at = 0.0

    def is_unwanted() -> bool:
        nonlocal asked_at
        if time.monotonic() - asked_at < LOOK_S:
            return False
        asked_at = time.monotonic()
        return not held.is_held()

    return is_unwanted


def purge() -> int:
    """Remove the stories and scenes that cannot be brought back any more; return how many stories."""
    before = Now() - timedelta(days=settings.ENV.undo_days)
    Scene.objects.filter(deleted_at__lt=before).delete()
    stories = Story.objects.filter(deleted_at__lt=before)
    removed = stories.count()
    stories.delete()
    return removed
