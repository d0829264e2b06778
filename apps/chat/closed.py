"""What a person may no longer read of what was cited to them: told at each look, never kept.

An old answer keeps its own text; its sources close. A document that was deleted is another matter: its stored copy
stays with the answer.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q

from apps.core.errors import AppError
from apps.core.text import uuid_or_none
from apps.libraries.models import Document, Level
from apps.users.models import User


class AccessEnded(AppError):
    """The asker lost the right to what is searched or was found, between the question and the end of its answer."""

    status = 404
    code = "access-ended"


def is_closed(user: User) -> Q:
    """Return the condition on citations whose document is there and not shared with the person any more."""
    open_ones = Document.objects.allowing(user, Level.READ).filter(pk=OuterRef("document"))
    return Q(document__isnull=False) & ~Q(Exists(open_ones))


def closed_documents(user: User, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return which documents that rows name as `document_id` exist and are closed to the person; at most one query."""
    named = {str(row.get("document_id") or "") for row in rows}
    wanted = {each for text in named if (each := uuid_or_none(text)) is not None}
    if not wanted:
        return set()
    readable = Document.objects.allowing(user, Level.READ).values("pk")
    closed = Document.objects.filter(pk__in=wanted).exclude(pk__in=readable).values_list("pk", flat=True)
    return {str(each) for each in closed}


def shown_of(user: User, frame: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event as the person may see it: of passages that are closed to them only the number is left."""
    passages = frame.get("passages")
    if not isinstance(passages, list):
        return frame
    closed = closed_documents(user, passages)
    return {**frame, "passages": [_blank(row) if row.get("document_id") in closed else row for row in passages]}


def _blank(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if name == "number" else "" for name, value in row.items()}
