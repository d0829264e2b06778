"""The questions that were asked in a library, by tests and by chats, for its editors.

They see what the log of questions holds: the question, who asked it and when, how well it was supported and what the
asker thought of the answer; never an answer or a conversation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import QueryDict

from apps.core.errors import NotFound
from apps.libraries.asked import asked_in
from apps.libraries.models import AskedQuestion, Library
from apps.rag.options import Filters, SearchSettings, stored_filters, stored_settings
from apps.users.models import User

ON_A_PAGE = 20
TEXT_MAX = 200
OUTCOMES: Mapping[str, Q] = {
    "answered": Q(is_refusal=False, is_weak=False),
    "weak": Q(is_refusal=False, is_weak=True),
    "refused": Q(is_refusal=True),
    "disliked": Q(vote__lt=0),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which questions are shown; empty values leave nothing out."""

    q: str = ""
    source: str = ""
    who: str = ""
    outcome: str = ""

    @property
    def query(self) -> str:
        """Return it as the beginning of a query string that `page=` follows."""
        pairs = [("q", self.q), ("source", self.source), ("who", self.who), ("outcome", self.outcome)]
        text = urlencode([pair for pair in pairs if pair[1]])
        return f"?{text}&" if text else "?"


@dataclass(frozen=True, slots=True)
class Again:
    """An earlier question to be searched again: its settings where it was a test, else None."""

    question: str
    sides: tuple[SearchSettings, ...] = ()
    filters: Filters = field(default_factory=Filters)


def wanted_of(query: QueryDict) -> Wanted:
    """Return what a query string asks for; what it cannot ask for is left out."""
    source, who, outcome = (query.get(name, "") for name in ("source", "who", "outcome"))
    return Wanted(
        q=query.get("q", "").replace("\0", "").strip()[:TEXT_MAX],
        source=source if source in AskedQuestion.Source.values else "",
        who="me" if who == "me" else "",
        outcome=outcome if outcome in OUTCOMES else "",
    )


def history(library: Library, user: User, wanted: Wanted, number: str = "1") -> Page[AskedQuestion]:
    """Return one page of the questions, the latest first."""
    rows: QuerySet[AskedQuestion] = asked_in(library).select_related("user").defer("vector", "results")
    for word in wanted.q.split():
        rows = rows.filter(question__icontains=word)
    if wanted.source:
        rows = rows.filter(source=wanted.source)
    if wanted.who:
        rows = rows.filter(user=user)
    if wanted.outcome:
        rows = rows.filter(OUTCOMES[wanted.outcome])
    return Paginator(rows, ON_A_PAGE).get_page(number)


def again(library: Library, asked_id: UUID) -> Again:
    """Return an earlier question of this library to be searched again. Raises NotFound."""
    row = asked_in(library).filter(pk=asked_id).only("question", "searched", "options").first()
    if row is None:
        raise NotFound
    options: Mapping[str, Any] = row.options
    sides = tuple(stored_settings(side) for side in options.get("sides", ())[:2])
    return Again(row.searched or row.question, sides, _filters(options.get("filters", {})))


def _filters(stored: Mapping[str, Any]) -> Filters:
    try:
        return stored_filters(stored)
    except (TypeError, ValueError):  # of another release
        return Filters()
