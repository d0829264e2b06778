"""A search test: one question, searched with one or two settings, shown to whoever asked.

The web process only asks; a worker with the embedding model searches. Both meet in a mailbox (`core.mailbox`) for half
an hour. What was asked is kept in the log of questions (`libraries.asked`) as chats' questions are.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

from django.utils import timezone

from apps.core.errors import AppError, Value
from apps.core.mailbox import Mailbox
from apps.evaluation.errors import SearchFailed, SearchModelFailed
from apps.evaluation.marking import Piece, marked, split_at_best
from apps.evaluation.search_settings import default_passages
from apps.libraries.access import access_library
from apps.libraries.asked import Asked, record
from apps.libraries.lexical import WORD_MARK
from apps.libraries.models import AskedQuestion, Document, Library
from apps.rag.asking import merged, parse
from apps.rag.lookup import look
from apps.rag.options import Filters, SearchSettings, as_json, filters_as_json, stored_filters, stored_settings
from apps.rag.refusal import is_supported
from apps.rag.scoping import common, scope_for
from apps.rag.search import SearchTools, search
from apps.rag.types import Found, Passage, Scope
from apps.runtimes.contracts import RuntimeFailure
from apps.users.models import Role, User

logger = logging.getLogger(__name__)
KEPT_S = 30 * 60
SHOWN = 10  # passages at least
BEYOND = 4  # passages shown below those that an answer reads
TEXT_CHARS = 3_000  # of a passage
LEAST_SHOWN = 0.005  # of the best score: a smaller part of a score is not drawn
State = Literal["waiting", "searching", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a score: what it adds, its stretch of a bar that is 100 long, and what the leg itself measured.

    `value` is the cosine, the BM25 or the rerank model's score, `rank` the place in that leg; None for other parts.
    """

    name: str
    adds: float
    x: float
    width: float
    value: float | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One passage that was found, as the page shows it.

    `pieces` are its text, the matched words marked; `lead` is what stands before the part with the most of them.
    """

    number: int
    chunk: str
    document: str
    name: str
    score: float
    parts: Sequence[Part]
    pieces: Sequence[Piece]
    lead: Sequence[Piece] = ()
    ordinal: int = 0
    page: int | None = None
    path: Sequence[str] = ()
    is_read: bool = True  # among those that an answer reads


@dataclass(frozen=True, slots=True)
class StageShown:
    """One stage of a search with its time."""

    name: str
    milliseconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one search gave."""

    cards: Sequence[Card]
    support: float
    is_answered: bool
    milliseconds: float
    stages: Sequence[StageShown] = ()

    @property
    def terms(self) -> list[tuple[str, int]]:
        """Return the terms that the words leg looked up, the rarest first, each with its number of passages."""
        for stage in self.stages:
            if stage.name == "terms":
                return [(term.removeprefix(WORD_MARK), count) for term, _idf, count in stage.facts.get("terms", ())]
        return []


@dataclass(frozen=True, slots=True)
class CuratedShown:
    """An editor's answer that a chat would give in place of a search."""

    id: str
    question: str
    author: str


@dataclass(frozen=True, slots=True)
class Test:
    """One test of one person, with how far it is; one or two `sides`, each settings as JSON."""

    token: str
    user: str
    library: str
    question: str
    sides: Sequence[Mapping[str, Any]]
    filters: Mapping[str, Any] = field(default_factory=dict)
    began: float = 0.0  # seconds of the clock
    state: State = "waiting"
    error: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)
    outcomes: Sequence[Outcome] = ()
    curated: CuratedShown | None = None
    seen_as: str = ""  # the member by whose rights it is searched, within those of the person who asks

    __test__ = False  # pytest: not a class of tests

    @property
    def operators(self) -> Sequence[str]:
        """Return the pieces of the question that narrow the search, as they were written."""
        return parse(self.question).operators

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more will happen."""
        return self.state in {"done", "failed"}

    @property
    def waited_s(self) -> float:
        """Return how long ago it was asked."""
        return timezone.now().timestamp() - self.began


BOX = Mailbox("search-test", Test, kept_s=KEPT_S)


def ask(
    user: User,
    library: Library,
    question: str,
    sides: Sequence[SearchSettings],
    filters: Filters,
    *,
    seen_as: User | None = None,
) -> Test:
    """Remember what is to be searched; the caller rings."""
    test = Test(
        str(uuid.uuid4()),
        str(user.pk),
        str(library.pk),
        question,
        [as_json(side) for side in sides],
        filters_as_json(filters),
        timezone.now().timestamp(),
        seen_as=str(seen_as.pk) if seen_as else "",
    )
    BOX.wait(test.token)
    return BOX.put(test)


def find(user: User, library: Library, token: UUID) -> Test:
    """Return a test of this person in this library. Raises NotFound for any other and for one too old."""
    test = BOX.own(token, user=str(user.pk), library=str(library.pk))
    BOX.wait(token)
    return replace(test, outcomes=[_readable(user, outcome) for outcome in test.outcomes])


def _readable(user: User, outcome: Outcome) -> Outcome:
    """Return what was found, without documents that were closed to the person since."""
    named = {card.document for card in outcome.cards}
    readable = Document.objects.readable_by(user).filter(pk__in=named).values_list("pk", flat=True)
    open_ones = {str(each) for each in readable}
    return replace(outcome, cards=[card for card in outcome.cards if card.document in open_ones])


def run(token: str, tools: Callable[[], SearchTools] = SearchTools.default) -> None:
    """Search, in a worker, by the rights of this moment; a second delivery finds the test settled."""
    test = BOX.letter(token)
    if test is None or test.is_settled or not BOX.is_waited_for(token):
        return
    BOX.put(replace(test, state="searching"))
    try:
        BOX.put(_searched(test, tools()))
    except AppError as error:
        fail(token, error)
    except RuntimeFailure:
        logger.exception("a search test failed", extra={"test": token})
        fail(token, SearchModelFailed())


def fail(token: str, error: AppError | None = None) -> None:
    """Say why there is no result; without a reason, that something unexpected happened."""
    test, error = BOX.letter(token), error or SearchFailed()
    if test is not None:
        BOX.put(replace(test, state="failed", error=error.code, params=dict(error.params)))


def _searched(test: Test, tools: SearchTools) -> Test:
    user = User.objects.get(pk=test.user)
    library = access_library(user, UUID(test.library), at_least=Role.EDITOR)
    asked = parse(test.question)
    filters = merged(stored_filters(test.filters), asked.filters)
    scope = _scope(user, library, test.seen_as)
    outcomes: list[Outcome] = []
    for number, stored in enumerate(test.sides):
        settings = stored_settings(stored)
        passages = settings.passages or default_passages()
        options = replace(settings.options, filters=filters)
        found = search(scope, asked.text, k=max(SHOWN, passages + BEYOND), options=options, tools=tools)
        outcomes.append(_outcome(found, passages))
        if number == 0:
            _log(test, user, library, found)
    return replace(test, state="done", outcomes=outcomes, curated=_curated(scope, tools, asked.text))


def _scope(user: User, library: Library, seen_as: str) -> Scope:
    """Return what the person may search, or what both they and the member may as whom they search."""
    own = scope_for(user, library.team_id, [library.pk])
    if not seen_as:
        return own
    return common(own, scope_for(User.objects.get(pk=seen_as), library.team_id, [library.pk]))


def _curated(scope: Scope, tools: SearchTools, question: str) -> CuratedShown | None:
    given = look(scope, tools, question).curated
    return CuratedShown(str(given.curated_id), given.question, given.author) if given else None


def _log(test: Test, user: User, library: Library, found: Found) -> None:
    """Keep what was asked, with the settings of both sides, and what the first of them found."""
    results = [
        {"chunk": str(each.chunk_id), "document": str(each.document_id), "name": each.document_name}
        for each in found.passages[:SHOWN]
    ]
    record(
        Asked(
            team_id=library.team_id,
            user=user,
            library_ids=[library.pk],
            source=AskedQuestion.Source.TEST,
            question=test.question,
            language=found.language,
            support=found.support,
            is_refusal=not is_supported(found),
            options={"sides": list(test.sides), "filters": dict(test.filters)},
            results=results,
            nearest_library_id=library.pk if found.passages else None,
            milliseconds=found.milliseconds,
        )
    )


def _outcome(found: Found, passages: int) -> Outcome:
    best = max((each.score for each in found.passages), default=0.0)
    cards = [_card(number, each, best, is_read=number <= passages) for number, each in enumerate(found.passages, 1)]
    stages = [StageShown(stage.name, stage.milliseconds, dict(stage.facts)) for stage in found.stages]
    return Outcome(cards, found.support, is_supported(found), found.milliseconds, stages)


def _card(number: int, passage: Passage, best: float, *, is_read: bool) -> Card:
    lead, pieces = split_at_best(marked(passage.text[:TEXT_CHARS], passage.matched_terms))
    return Card(
        number=number,
        chunk=str(passage.chunk_id),
        document=str(passage.document_id),
        name=passage.document_name,
        score=passage.score,
        parts=list(_parts(passage, best)),
        pieces=pieces,
        lead=lead,
        ordinal=passage.ordinal,
        page=passage.page_from,
        path=list(passage.heading_path),
        is_read=is_read,
    )


def _parts(passage: Passage, best: float) -> Iterator[Part]:
    """Yield what the score is made of; the best passage's bar is full."""
    measured: dict[str, tuple[float | None, int | None]] = {
        "vectors": (passage.cosine, passage.dense_rank),
        "words": (passage.bm25, passage.lexical_rank),
        "rerank": (passage.rerank, None),
    }
    x = 0.0
    for name, adds in passage.parts:
        if adds >= LEAST_SHOWN * best:
            width = round(100 * adds / best, 2) if best > 0 else 0.0
            yield Part(name, adds, round(x, 2), width, *measured.get(name, (None, None)))
            x += width
