"""A search for a program: asked by the web process, done by a worker that has the embedding model.

Both meet in a mailbox (`core.mailbox`). The libraries were narrowed by the key when it was asked; what of them may be
read is looked up again by the worker, by the rights of that moment.
"""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from apps.chat.errors import SearchFailed, SearchTimedOut
from apps.core import tenancy
from apps.core.errors import AppError, sentence_of
from apps.core.mailbox import Mailbox
from apps.core.waiting import let_go
from apps.libraries.asked import Asked, record
from apps.libraries.models import AskedQuestion
from apps.rag.asking import parse, with_filters
from apps.rag.refusal import is_supported
from apps.rag.scoping import scope_for
from apps.rag.search import SearchTools, search
from apps.rag.tools import settings_for
from apps.rag.types import Found, Passage
from apps.runtimes.contracts import RuntimeFailure
from apps.users.models import User

logger = logging.getLogger(__name__)
KEPT_S = 300
LOOK_S = 0.04
TEXT_CHARS = 8_000  # of a passage


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be searched, for whom and where; later what was `found`, or why nothing was."""

    user: str
    team: str
    libraries: Sequence[str]
    question: str
    limit: int
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    found: dict[str, Any] | None = None
    error: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more will happen."""
        return self.found is not None or bool(self.error)


BOX = Mailbox("api-search", Wish, kept_s=KEPT_S)


def ask(wish: Wish, ring: Callable[[str], None], *, wait_s: float) -> dict[str, Any]:
    """Return what was found; raises SearchTimedOut where no worker answered in time, SearchFailed where one broke."""
    BOX.put(wish)
    ring(wish.token)
    until = time.monotonic() + wait_s
    let_go()
    while time.monotonic() < until:
        letter = BOX.letter(wish.token)
        if letter and letter.error:
            raise SearchFailed(reason=sentence_of(letter.error, letter.params))
        if letter and letter.found is not None:
            BOX.take_out(wish.token)
            return letter.found
        time.sleep(LOOK_S)
    BOX.take_out(wish.token)
    raise SearchTimedOut


def run(token: str, tools: Callable[[], SearchTools] = SearchTools.default) -> None:
    """Search, in a worker; nothing is done for somebody who has gone, nor twice."""
    wish = BOX.letter(token)
    if wish is None or wish.is_settled:
        return
    try:
        with tenancy.acting_for(UUID(wish.team)):
            BOX.put(replace(wish, found=_searched(wish, tools())))
    except AppError as error:
        fail(token, error.code, dict(error.params))
    except RuntimeFailure:
        logger.exception("a search for a program failed", extra={"search": token})
        fail(token, "model-failed")


def fail(token: str, code: str, params: dict[str, Any] | None = None) -> None:
    """Say why nothing comes."""
    wish = BOX.letter(token)
    if wish is not None:
        BOX.put(replace(wish, error=code, params=params or {}))


def _searched(wish: Wish, tools: SearchTools) -> dict[str, Any]:
    user = User.objects.get(pk=wish.user)
    scope = scope_for(user, UUID(wish.team), [UUID(each) for each in wish.libraries])
    asked = parse(wish.question)
    options = with_filters(settings_for(scope).options, asked.filters)
    found = search(scope, asked.text, k=wish.limit, options=options, tools=tools)
    _log(wish, user, found)
    return {
        "support": round(found.support, 4),
        "is_supported": is_supported(found),
        "milliseconds": round(found.milliseconds, 1),
        "results": [_passage(number, each) for number, each in enumerate(found.passages[: wish.limit], 1)],
    }


def _passage(number: int, passage: Passage) -> dict[str, Any]:
    return {
        "number": number,
        "score": round(passage.score, 4),
        "text": passage.text[:TEXT_CHARS],
        "document": {"id": str(passage.document_id), "name": passage.document_name},
        "library": str(passage.library_id),
        "chunk": str(passage.chunk_id),
        "page": passage.page_from,
        "headings": list(passage.heading_path),
    }


def _log(wish: Wish, user: User, found: Found) -> None:
    best = found.passages[0] if found.passages else None
    record(
        Asked(
            team_id=UUID(wish.team),
            user=user,
            library_ids=[UUID(each) for each in wish.libraries],
            source=AskedQuestion.Source.API,
            question=wish.question,
            language=found.language,
            support=found.support,
            is_refusal=not is_supported(found),
            nearest_library_id=best.library_id if best else None,
            milliseconds=found.milliseconds,
        )
    )
