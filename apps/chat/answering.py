"""One attempt at an answer: claimed with a lease, told to the event log, saved in its row."""

import logging
import re
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.chat.closed import AccessEnded, closed_documents
from apps.chat.models import Citation, Conversation, Message
from apps.chat.records import Record, as_copy
from apps.chat.sentences import stored
from apps.core import events
from apps.core.leases import renewing
from apps.core.markdown import render, split_sealed
from apps.libraries.models import Chunk, Document, DocumentVersion
from apps.metering import services as metering
from apps.metering.models import Resource
from apps.rag.curating import passage_of
from apps.rag.refusal import is_weak
from apps.rag.types import Cite, Condensed, Curated, Delta, Finished, Passage, Retrieved, Step

COALESCE_S = 0.04  # pieces that follow one another faster travel together
RENEWALS_PER_LEASE = 4  # three may be missed
FLUSH_S = 1.0  # text is saved this often while it grows
SNIPPET_CHARS = 200  # of a passage in a hover card: about two lines
SAVE_TRIES = 20  # a second apart: a restarting database must not cost an answer
MARK = re.compile(r"\[(\d{1,3})\]")

log = logging.getLogger(__name__)


class LostLease(Exception):
    """The answer is not this worker's any more."""


def lease() -> Any:
    """Return the end of a lease that begins now, by the database's clock."""
    return Now() + timedelta(seconds=settings.ENV.answer_lease_s)


def claim(message_id: UUID) -> Message | None:
    """Lease a pending answer to this worker; None where another one has it or it is settled."""
    pending = Message.objects.filter(pk=message_id, state=Message.State.PENDING, stop_requested=False)
    changed = pending.update(
        state=Message.State.RUNNING, attempt=F("attempt") + 1, lease_until=lease(), text="", steps={}, flushed_seq=0,
        error_code="", is_refusal=False, sentences=[],
        curated_id=None,
    )  # fmt: skip
    if not changed:
        return None
    return Message.objects.select_related("conversation__owner", "conversation__team", "model").get(pk=message_id)


def kept(message: Message) -> AbstractContextManager[None]:
    """Keep the lease while the block runs, also while a model reads a long prompt in silence."""

    def renew() -> None:
        _mine(message.pk, message.attempt).update(lease_until=lease())

    return renewing(renew, lambda: settings.ENV.answer_lease_s / RENEWALS_PER_LEASE, "answer-lease")


def _mine(message_id: UUID, attempt: int) -> Any:
    return Message.objects.filter(pk=message_id, attempt=attempt, state=Message.State.RUNNING)


class Attempt:
    """Tells the steps of one attempt to the log and the row."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._writer = events.Writer(message.pk, message.attempt)
        self._text = ""
        self._tail = ""  # the part of the text after the last settled block
        self._unsent = ""
        self._unsent_tokens = 0
        self._sent_at = self._flushed_at = float("-inf")
        self._began = time.monotonic()
        self._steps: dict[str, Any] = {}
        self._passages: tuple[Passage, ...] = ()
        self._output_tokens = 0
        self._mode = message.mode
        self._record = Record()

    def run(self, steps: Iterator[Step]) -> None:
        """Carry the steps until they end or a stop is asked for. Raises LostLease."""
        with closing(cast("Generator[Step]", steps)):
            for step in steps:
                self._take(step)
                if not isinstance(step, Finished) and self._writer.is_stop_requested():
                    self._stop()
                    return

    def fail(self, code: str) -> None:
        """End with a reason; what was written stays."""
        self._send()
        self._save(Message.State.FAILED, error_code=code[:60], cites=self._marked())
        self._writer.publish(events.AnswerFailed(code))

    def _stop(self) -> None:
        self._send()
        self._save(Message.State.STOPPED, cites=self._marked())
        self._writer.publish(events.AnswerStopped())

    def _take(self, step: Step) -> None:
        match step:
            case Delta():
                self._grow(step)
            case Condensed():
                self._record.condensed(step)
                self._steps |= asdict(step) | {"parts": list(step.parts), "operators": list(step.operators)}
                self._writer.publish(events.AnswerCondensed(step.question, step.was_rewritten))
            case Curated():
                self._curated(step)
            case Retrieved():
                self._retrieved(step)
            case Finished():
                self._finish(step)

    def _curated(self, step: Curated) -> None:
        self._passages = (passage_of(step),)
        self._record.curated(step)
        self._steps |= {"libraries": 1, "curated": as_copy(step)}
        self._writer.publish(events.AnswerRetrieved(1, [_shown(1, self._passages[0])]))

    def _retrieved(self, step: Retrieved) -> None:
        self._record.retrieved(step)
        self._passages = step.passages
        self._mode = step.mode
        self._steps |= {
            "libraries": step.libraries,
            "passages": [str(passage.chunk_id) for passage in step.passages],
            "trimmed_turns": step.trimmed_turns,
            "search_ms": round(step.found.milliseconds, 1),
            "support": round(step.found.support, 3),
            "is_weak": is_weak(step.found),
            "nearest": [_shown(number, each) for number, each in enumerate(step.found.passages[:3], 1)],
        }
        told = [_shown(number, passage) for number, passage in enumerate(step.passages, 1)]
        self._writer.publish(
            events.AnswerRetrieved(step.libraries, told, round(step.found.milliseconds, 1), step.trimmed_turns)
        )

    def _check_rights(self) -> None:
        """Go no further with passages that the asker may not read any more. Raises AccessEnded."""
        shown = [{"document_id": str(each.document_id)} for each in self._passages]
        if closed_documents(self._message.conversation.owner, shown):
            raise AccessEnded

    def _grow(self, step: Delta) -> None:
        self._text += step.text
        self._unsent += step.text
        self._unsent_tokens += step.tokens
        self._output_tokens += step.tokens
        if time.monotonic() - self._sent_at >= COALESCE_S:
            self._send()

    def _send(self) -> None:
        """Tell what is unsent and what has settled, and save it now and then."""
        if not self._unsent:
            return
        seq = self._writer.publish(events.AnswerDelta(self._unsent, self._unsent_tokens))
        self._sent_at = time.monotonic()
        sealed, self._tail = split_sealed(self._tail + self._unsent)
        self._unsent, self._unsent_tokens = "", 0
        if sealed:
            html = render(sealed, range(1, len(self._passages) + 1))
            seq = self._writer.publish(events.AnswerBlock(html, self._tail))
        if self._sent_at - self._flushed_at >= FLUSH_S:
            self._flush(seq)

    def _flush(self, seq: int) -> None:
        self._check_rights()
        mine = _mine(self._message.pk, self._message.attempt)
        if not mine.update(text=self._text, steps=self._steps, flushed_seq=seq):
            raise LostLease
        self._flushed_at = time.monotonic()

    def _finish(self, step: Finished) -> None:
        self._check_rights()
        self._record.finished(step)
        self._send()
        self._text = step.text
        self._output_tokens = step.output_tokens or self._output_tokens
        self._steps["stages"] = {name: round(seconds, 3) for name, seconds in step.seconds.items()}
        self._save(
            Message.State.DONE,
            cites=step.citations,
            is_refusal=step.is_refusal,
            prompt_tokens=step.prompt_tokens,
            curated_id=step.curated.curated_id if step.curated else None,
            sentences=stored(step.sentences),
        )
        self._writer.publish(events.AnswerFinished(step.is_refusal, self._output_tokens))

    def _marked(self) -> list[Cite]:
        """Return the passages that an unfinished text cites."""
        numbers = {int(number) for number in MARK.findall(self._text)}
        return [Cite(number, each) for number, each in enumerate(self._passages, 1) if number in numbers]

    def _save(self, state: str, *, cites: Iterable[Cite], **fields: Any) -> None:
        self._steps["seconds"] = round(time.monotonic() - self._began, 2)
        fields |= {"text": self._text, "steps": self._steps, "output_tokens": self._output_tokens}
        fields |= {"flushed_seq": self._writer.seq, "mode": self._mode}
        _patiently(partial(settle, self._message, state, list(cites), fields, self._record))


def _patiently(save: Any) -> None:
    """Save, again after a second where the database is away. The lease may run out meanwhile: then LostLease."""
    for tries_left in reversed(range(SAVE_TRIES)):
        try:
            save()
        except OperationalError:
            if not tries_left:
                raise
            log.warning("The database is away; the answer is saved when it is back")
            time.sleep(1)
            close_old_connections()
        else:
            return


@transaction.atomic
def settle(
    message: Message, state: str, cites: Sequence[Cite], fields: dict[str, Any], record: Record | None = None
) -> None:
    """End an attempt: its row, its citations, how it was made, and its cost, all or nothing. Raises LostLease."""
    if not _mine(message.pk, message.attempt).update(state=state, lease_until=None, updated_at=Now(), **fields):
        raise LostLease
    Citation.objects.filter(message=message).delete()
    _store_citations(message, list({cite.number: cite for cite in cites}.values()))
    if record is not None:
        record.write(message, state)
    Conversation.objects.filter(pk=message.conversation_id).update(last_at=Now())
    if message.reservation:
        used = {
            Resource.QUESTIONS: 1,
            Resource.PROMPT_TOKENS: int(fields.get("prompt_tokens", 0)),
            Resource.OUTPUT_TOKENS: int(fields.get("output_tokens", 0)),
        }
        if state == Message.State.FAILED:
            metering.release(message.reservation)
        else:
            is_quoted = fields.get("mode") == Conversation.Mode.QUOTE
            metering.settle(message.reservation, used, model="" if is_quoted else None)


def _store_citations(message: Message, cites: Sequence[Cite]) -> None:
    """Store copies of what was cited; what was deleted meanwhile is left out of the links, not of the copies."""
    passages = [cite.passage for cite in cites]
    chunks = Chunk.objects.filter(pk__in=[each.chunk_id for each in passages]).select_for_update(no_key=True)
    documents = Document.objects.filter(pk__in=[each.document_id for each in passages])
    versions = DocumentVersion.objects.filter(pk__in=[each.version_id for each in passages])
    alive = {row for rows in (chunks, documents, versions) for row in rows.values_list("pk", flat=True)}
    Citation.objects.bulk_create(_citation(message, cite, alive) for cite in cites)


def _citation(message: Message, cite: Cite, alive: set[UUID]) -> Citation:
    passage = cite.passage
    return Citation(
        message=message,
        number=cite.number,
        chunk_id=passage.chunk_id if passage.chunk_id in alive else None,
        document_id=passage.document_id if passage.document_id in alive else None,
        version_id=passage.version_id if passage.version_id in alive else None,
        document_name=passage.document_name[:255],
        heading_path=list(passage.heading_path),
        page_from=passage.page_from,
        page_to=passage.page_to,
        boxes=[[box.page, box.x0, box.y0, box.x1, box.y1] for box in passage.boxes],
        char_from=passage.char_from,
        char_to=passage.char_to,
        passage=passage.text,
        quote=cite.quote,
        support=cite.support,
        curated_id=cite.curated_id,
    )


def _shown(number: int, passage: Passage) -> dict[str, str | int | None]:
    """Return what a hover card shows of a passage."""
    return {
        "number": number,
        "document": passage.document_name,
        "document_id": str(passage.document_id),
        "chunk_id": str(passage.chunk_id),
        "page": passage.page_from,
        "place": " › ".join(passage.heading_path),
        "snippet": " ".join(passage.text.split())[:SNIPPET_CHARS],
    }
