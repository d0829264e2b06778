"""How often passages were cited: told to the pages of documents, which know nothing of chats."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count

from apps.chat.models import Citation
from apps.libraries.cards import count_citations_by


def citations_of(chunk_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many citations each passage has; those with none are left out."""
    rows = Citation.objects.filter(chunk__in=chunk_ids).order_by().values_list("chunk").annotate(n=Count("pk"))
    return dict(rows)


def connect() -> None:
    """Offer the counts; called once when the apps are ready."""
    count_citations_by(citations_of)
