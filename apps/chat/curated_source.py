"""What the drawer shows of a citation that points to an editor's answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from apps.chat.models import Citation
from apps.libraries.models import CuratedAnswer, Level, Library
from apps.users.models import User


@dataclass(frozen=True, slots=True)
class CuratedSource:
    """The answer as it was given, and as it is now: `current` is None where it is gone or no longer readable."""

    citation: Citation
    copy: dict[str, Any]
    current: CuratedAnswer | None

    @property
    def is_changed(self) -> bool:
        """Return whether the answer reads otherwise now."""
        return self.current is not None and self.current.answer != self.citation.passage

    @property
    def changed_at(self) -> datetime | None:
        """Return when the answer that was given had been written."""
        return parse_datetime(str(self.copy.get("changed_at", "")))


def curated_source_of(user: User, citation: Citation) -> CuratedSource:
    """Return the source by the rights of now."""
    readable = Library.objects.allowing(user, Level.READ)
    rows = CuratedAnswer.objects.filter(pk__in=[citation.curated_id], deleted_at=None, library__in=readable)
    current = rows.select_related("library", "updated_by").first()
    return CuratedSource(citation, dict(citation.message.steps.get("curated") or {}), current)
