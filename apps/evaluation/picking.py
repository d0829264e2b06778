"""Finds passages for somebody who says which of them answer a question.

The web process only asks, a worker searches; both meet in the cache for some minutes, as previews of chunking do.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal
from uuid import UUID

from django.core.cache import cache

from apps.core.errors import NotFound
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


def ask(user: User, library: Library, query: str) -> Search:
    """Remember the search; the caller rings."""
    made = Search(str(uuid.uuid4()), str(user.pk), str(library.pk), one_line(query)[:LONGEST])
    return _save(made)


def find(user: User, library: Library, token: UUID) -> Search:
    """Return a search of this person in this library. Raises NotFound."""
    found = _load(str(token))
    if found is None or (found.user, found.library) != (str(user.pk), str(library.pk)):
        raise NotFound
    return found


def run(token: str) -> None:
    """Search, in a worker. Raises NoModel or RuntimeFailure."""
    wanted = _load(token)
    library = Library.objects.filter(pk=wanted.library, deleted_at=None).first() if wanted else None
    if wanted is None or library is None or wanted.state != "waiting":
        return
    found = finder(library, stored_settings(library.search).options)(wanted.query)
    choices = [
        Choice(str(each.chunk_id), str(each.document_id), each.document_name, each.page_from, each.text[:600])
        for each in found.passages[:SHOWN]
    ]
    _save(replace(wanted, state="done", choices=choices))


def fail(token: str, code: str) -> None:
    """Say that the search failed."""
    wanted = _load(token)
    if wanted is not None:
        _save(replace(wanted, state="failed", error=code))


def _save(search: Search) -> Search:
    cache.set(f"picking:{search.token}", json.dumps(asdict(search)), KEPT_S)
    return search


def _load(token: str) -> Search | None:
    stored = cache.get(f"picking:{token}")
    if stored is None:
        return None
    values = json.loads(stored)
    return Search(**(values | {"choices": [Choice(**each) for each in values["choices"]]}))
