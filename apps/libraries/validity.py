"""Documents that expire: who is told, and when.

A document outside of its days is listed and not searched. Its owner sees it under "To review" from KB_REMIND_DAYS
before its last day on, and gets one e-mail where a mail server is set.
"""

import logging
from collections import defaultdict
from datetime import date, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import ngettext

from apps.core import mail
from apps.libraries.models import Document
from apps.users.models import User

logger = logging.getLogger(__name__)
AT_ONCE = 1_000


def due_until() -> date:
    """Return the last day that is close enough to be reminded of."""
    return timezone.localdate() + timedelta(days=settings.ENV.remind_days)


def to_review(user: User) -> QuerySet[Document]:
    """Return the person's own documents that expire soon or have expired, the most urgent first."""
    mine = Document.objects.readable_by(user).filter(owner=user, valid_until__lte=due_until())
    return mine.select_related("library").order_by("valid_until", "name", "pk")


def review_count(user: User) -> int:
    """Return how many documents wait for the person, for the rail.

    It stands on every page, and few people own anything that expires: only then is it asked what they may read.
    """
    if not Document.objects.filter(owner=user, valid_until__lte=due_until(), deleted_at=None).exists():
        return 0
    return to_review(user).order_by().count()


def remind() -> int:
    """Tell owners once of each document that expires soon; returns how many documents. Safe to repeat and to race."""
    due: dict[User, list[Document]] = defaultdict(list)
    for document in _due()[:AT_ONCE]:
        owner = document.owner
        now = timezone.now()
        is_ours = Document.objects.filter(pk=document.pk, reminded_at=None).update(reminded_at=now)
        if is_ours and owner is not None:
            due[owner].append(document)
    for owner, documents in due.items():
        _write_to(owner, documents)
    return sum(map(len, due.values()))


def _due() -> QuerySet[Document]:
    """Return what nobody was told of, of owners who are still members and active."""
    expiring = Document.objects.filter(
        deleted_at=None, library__deleted_at=None, reminded_at=None, owner__is_active=True, valid_until__lte=due_until()
    )
    return expiring.select_related("owner", "library__team").order_by("valid_until", "pk")


def _write_to(owner: User, documents: list[Document]) -> None:
    readable = set(
        Document.objects.readable_by(owner).filter(pk__in=[each.pk for each in documents]).values_list("pk", flat=True)
    )
    shown = [document for document in documents if document.pk in readable]
    if not shown:
        return
    with translation.override(owner.language or settings.LANGUAGE_CODE):
        subject = ngettext("%(n)s document to review", "%(n)s documents to review", len(shown)) % {"n": len(shown)}
        address = settings.PUBLIC_URL.rstrip("/") + reverse("libraries:reviews")
        body = render_to_string("libraries/review_mail.txt", {"documents": shown, "address": address, "owner": owner})
    mail.send(to=owner.email, subject=subject, body=body)
