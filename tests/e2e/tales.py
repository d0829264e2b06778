"""An illustrated story for the browser tests: told by the installation's own workers; run inside the installation."""

import sys
import time
from collections.abc import Callable

from django.urls import reverse

from apps.images import scenes, stories
from apps.images.models import ImageJob, Story
from apps.images.orders import Order
from apps.images.resolving import model_of
from apps.images.suiting import suited
from apps.libraries.models import Document
from apps.users.models import Team, User

WAIT_S = 240.0


def tell(name: str) -> None:
    """Tell the document of this name in pictures; print the story's address."""
    admin = User.objects.get(email="admin@localhost")
    team = Team.objects.of(admin)[0]
    document = Document.objects.filter(library__team=team, name=name)[0]
    order = Order(**suited(model_of(admin, team, ""), {"steps": 4}))
    story = stories.start(user=admin, team=team, document_id=document.pk, order=order)
    _wait(lambda: Story.objects.get(pk=story.pk).state not in ImageJob.LIVE)
    stories.draw_all(user=admin, story=story)
    _wait(lambda: not any(scenes.is_drawing(scene) for scene in scenes.scenes_of(story)))
    sys.stdout.write(f"{reverse('images:story', args=[story.pk])}\n")


def _wait(is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not is_over():
        assert time.monotonic() < until
        time.sleep(0.5)
