"""Drafts questions from a library's passages, by the chat model or by rules; people accept them.

What is under way lies in a mailbox (`core.mailbox`), the drafts themselves are rows: whatever happens, what was made
stays. A model's draft is kept only where a search with it finds the passage that it was made from.
"""

import logging
import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from django.utils.translation import gettext_noop

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.core.errors import AppError
from apps.core.mailbox import Mailbox
from apps.evaluation.draft_texts import STOP, Draft, by_rule, prompt_for, question_in
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.evaluation.set_errors import DraftingUnderWay
from apps.evaluation.set_services import add_question, gold_json
from apps.evaluation.trial import Find, finder
from apps.libraries.models import Chunk
from apps.rag.fusion import language_of
from apps.rag.options import stored_settings
from apps.runtimes.contracts import ChatModel, Sampling
from apps.runtimes.gate import interactive
from apps.runtimes.registry import chat_model
from apps.users.models import User

logger = logging.getLogger(__name__)
KEPT_S = 60 * 60
SILENT_S = 120  # a worker says every few seconds how far it is; one that does not is gone
MOST = 50  # drafts at a time
TRIES = 4  # passages that are tried for a draft
SHORTEST_PASSAGE = 40  # characters; less is a heading or a caption
DEEPEST = 5  # a search with the draft finds its passage among the first so many, or the draft is dropped
PATIENCE_S = 10.0
MAX_TOKENS = 48
Way = Literal["model", "rule"]
State = Literal["waiting", "working", "done", "failed", "stopped"]
PLACE = gettext_noop("found at place %(place)s")


@dataclass(frozen=True, slots=True)
class Drafting:
    """What a person asked for, and how far it is. `chunks` are the passages still to be tried."""

    questions: str
    user: str
    way: Way
    wanted: int
    chunks: tuple[str, ...] = ()
    tried: int = 0
    made: int = 0
    state: State = "waiting"
    error: str = ""
    heard_at: float = 0.0

    @property
    def token(self) -> str:
        """Return the set's id: in each set there is at most one."""
        return self.questions

    @property
    def is_live(self) -> bool:
        """Return whether a worker is at it, or will be."""
        return self.state in {"waiting", "working"} and time.time() - self.heard_at < SILENT_S

    @property
    def is_stuck(self) -> bool:
        """Return whether its worker is gone."""
        return self.state in {"waiting", "working"} and not self.is_live


BOX = Mailbox("drafting", Drafting, kept_s=KEPT_S)


def ask(*, user: User, questions: QuestionSet, way: Way, wanted: int) -> Drafting:
    """Remember what is wanted; the caller rings. Raises DraftingUnderWay."""
    under_way = find(questions)
    if under_way is not None and under_way.is_live:
        raise DraftingUnderWay
    wanted = min(MOST, max(1, wanted))
    chosen = choose(questions, wanted * TRIES)
    made = Drafting(str(questions.pk), str(user.pk), way, wanted, tuple(str(key) for key in chosen))
    return _save(made)


def find(questions: QuestionSet) -> Drafting | None:
    """Return what was asked for last in a set, None where that is long ago."""
    return BOX.letter(questions.pk)


def stop(questions: QuestionSet) -> None:
    """Stop; drafts that are made stay."""
    drafting = find(questions)
    if drafting is not None and drafting.state in {"waiting", "working"}:
        _save(replace(drafting, state="stopped"))


def fail(set_id: str, code: str) -> None:
    """Say that it ended with a failure."""
    drafting = BOX.letter(set_id)
    if drafting is not None:
        _save(replace(drafting, state="failed", error=code))


def choose(questions: QuestionSet, most: int) -> list[UUID]:
    """Return passages to ask about, from many documents in turn, without those that the set has questions of."""
    known = {
        (entry["document"], entry["quote"])
        for gold in SetQuestion.objects.filter(questions=questions).values_list("gold", flat=True)
        for entry in gold
    }
    rows = Chunk.objects.filter(
        library=questions.library, is_enabled=True, document__is_enabled=True, document__deleted_at=None
    )
    by_document: dict[UUID, list[UUID]] = {}
    for pk, document, text in rows.order_by("?").values_list("pk", "document", "text")[: most * 10]:
        if len(text) >= SHORTEST_PASSAGE and (str(document), " ".join(text.split())[:2000]) not in known:
            by_document.setdefault(document, []).append(pk)
    chosen: list[UUID] = []
    piles = list(by_document.values())
    random.shuffle(piles)
    while piles and len(chosen) < most:
        chosen += [pile.pop() for pile in piles]
        piles = [pile for pile in piles if pile]
    return chosen[:most]


def work(set_id: str, *, until: float, is_stopping: Callable[[], bool]) -> bool:
    """Make drafts until there are enough (False) or the shift is over (True). Raises AppError, RuntimeFailure."""
    drafting = BOX.letter(set_id)
    questions = QuestionSet.objects.select_related("library").filter(pk=set_id, deleted_at=None).first()
    if drafting is None or questions is None or drafting.state not in {"waiting", "working"}:
        return False
    maker = _Maker(questions, drafting.way)
    drafting = _save(replace(drafting, state="working"))
    while drafting.chunks and drafting.made < drafting.wanted:
        if time.monotonic() >= until or is_stopping():
            return True
        interactive.give_way(PATIENCE_S)
        made = maker.make(drafting.chunks[0], UUID(drafting.user))
        now = BOX.letter(set_id)
        if now is None or now.state != "working":
            return False
        drafting = _save(
            replace(drafting, chunks=drafting.chunks[1:], tried=drafting.tried + 1, made=drafting.made + made)
        )
    _save(replace(drafting, state="done"))
    return False


class _Maker:
    """Makes drafts of one set."""

    def __init__(self, questions: QuestionSet, way: Way) -> None:
        self._questions = questions
        self._chat: ChatModel | None = chat_model(spec_of(default_model(AIModel.Kind.CHAT))) if way == "model" else None
        self._find: Find = finder(questions.library, stored_settings(questions.library.search).options)

    def make(self, chunk_id: str, user_id: UUID) -> bool:
        """Add a draft from one passage; returns whether there is one more."""
        chunk = Chunk.objects.select_related("document").filter(pk=chunk_id, is_enabled=True).first()
        if chunk is None:
            return False
        draft = self._draft(chunk)
        place = self._place(draft, chunk) if draft else 0
        if draft is None or not place:
            return False
        origin = SetQuestion.Origin.RULE if draft.is_rule else SetQuestion.Origin.DRAFTED
        try:
            add_question(
                user=User.objects.filter(pk=user_id).first(), questions=self._questions, text=draft.text,
                gold=[gold_json(chunk)], answers=draft.answers, origin=origin, state=SetQuestion.State.DRAFT,
                note=PLACE % {"place": place},
            )  # fmt: skip
        except AppError:  # the set has it already
            return False
        return True

    def _draft(self, chunk: Chunk) -> Draft | None:
        language = language_of(chunk.text)
        if self._chat is None:
            return by_rule(chunk.text, chunk.heading_path, chunk.questions, language)
        prompt = prompt_for(chunk.text, chunk.heading_path, language, self._chat)
        stop = STOP if not self._chat.is_instruct else ()
        said = ""
        with closing(self._chat.stream(prompt, Sampling(max_tokens=MAX_TOKENS, stop=stop))) as pieces:  # type: ignore[type-var]  # a generator
            for piece in pieces:
                said += piece.text
        text = question_in(said, chunk.text)
        return Draft(text) if text else None

    def _place(self, draft: Draft, chunk: Chunk) -> int:
        """Return the place at which a search with the draft finds its passage, 0 where it is not among the first."""
        passages = self._find(draft.text).passages[:DEEPEST]
        return next((place for place, each in enumerate(passages, 1) if each.chunk_id == chunk.pk), 0)


def _save(drafting: Drafting) -> Drafting:
    return BOX.put(replace(drafting, heard_at=time.time()))
