"""Reads of restricted documents, for the audit log: the first of each person, document and day."""

from django.core.cache import cache
from django.db.models import Q
from django.utils import timezone

from apps.audit import services as audit
from apps.libraries.models import Document, Place
from apps.users.models import User

KEPT_S = 24 * 3600


def note_read(user: User, document: Document) -> None:
    """Record that somebody opened a document that only chosen people may read."""
    if not is_restricted(document):
        return
    if cache.add(f"restricted-read:{user.pk}:{document.pk}:{timezone.localdate()}", value=True, timeout=KEPT_S):
        detail = {"name": document.name, "library": document.library.name}
        audit.record("restricted.read", actor=user, team=document.library.team, target=document, detail=detail)


def is_restricted(document: Document) -> bool:
    """Return whether only chosen people may read a document; one query."""
    own = Q(pk=document.place_id, is_open=False)
    library = Q(library=document.library_id, document=None, folder="", is_restricted=True)
    return Place.objects.filter(own if document.place_id else library).exists()
