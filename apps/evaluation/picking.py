"""Finds passages for somebody who says which of them answer a question.

The web process only asks, a worker searches; both meet in a mailbox (`core.mailbox`) for some minutes.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from apps.core.mailbox import Mailbox
from apps.core.text import one_line
from apps.evaluation.trial import finder
from apps.libraries.models import Library
from apps.rag.options import stored_settings
from apps.users.models import User

KEPT_S = 10 * 60
SHOWN = 12
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """A passage that was found."""

    chunk: str
    document: str
    name: str
    page: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Search:
    """One search of one person."""

    token: str
    user: str
    library: str
    query: str
    state: Literal["waiting", "done", "failed"] = "waiting"
    error: str = ""
    choices: Sequence[Choice] = ()


BOX = Mailbox("picking", Search, kept_s=KEPT_S)


def ask(user: User, library: Library, query: str) -> Search:
    """Remember the search; the caller rings."""
    return BOX.put(Search(str(uuid.uuid4()), str(user.pk), str(library.pk), one_line(query)[:LONGEST]))


def find(user: User, library: Library, token: UUID) -> Search:
    """Return a search of this person in this library. Raises NotFound."""
    return BOX.own(token, user=str(user.pk), library=str(library.pk))


def run(token: str) -> None:
    """Search, in a worker. Raises NoModel or RuntimeFailure."""
    wanted = BOX.letter(token)
    library = Library.objects.filter(pk=wanted.library, deleted_at=None).first() if wanted else None
    if wanted is None or library is None or wanted.state != "waiting":
        return
    found = finder(library, stored_settings(library.search).options)(wanted.query)
    choices = [
        Choice(str(each.chunk_id), str(each.document_id), each.document_name, each.page_from, each.text[:600])
        for each in found.passages[:SHOWN]
    ]
    BOX.put(replace(wanted, state="done", choices=choices))


def fail(token: str, code: str) -> None:
    """Say that the search failed."""
    wanted = BOX.letter(token)
    if wanted is not None:
        BOX.put(replace(wanted, state="failed", error=code))
