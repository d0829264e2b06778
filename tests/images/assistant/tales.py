"""Stories for tests: begun, worked at by a fake model, drawn."""

import json

from django.utils import timezone

from apps.images import stories, stories_work, tasks
from apps.images.models import Story
from apps.images.orders import Order
from apps.libraries.models import Document
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake import replies
from apps.users.models import Team, User

GOOD = json.dumps({
    "subject": ["a fox"], "material": ["fur"], "detail": ["snow"], "quality": ["sharp"], "style": ["photo"],
    "colour": ["red"], "light": ["dusk"], "negative": ["cars"],
})  # fmt: skip
ORDER = Order(model="fake-image", width=64, height=64, steps=2)


def begun(user: User, team: Team, document: Document) -> Story:
    """Begin a story of a document."""
    return stories.start(user=user, team=team, document_id=document.pk, order=ORDER)


def worked(*said: str | RuntimeFailure) -> None:
    """Work at stories until nothing waits; the model says this."""
    with replies(*said):
        while stories_work.work_one():
            pass


def drawn() -> None:
    """Draw all that waits."""
    tasks.draw_pictures()


def close(document: Document) -> None:
    """Take the document away from everybody."""
    Document.objects.filter(pk=document.pk).update(deleted_at=timezone.now())
