"""The numbered event log of an answer, in a Valkey stream.

An entry's id is `<attempt>-<seq>`: both count from 1, seq without gaps, so that a reader sees what it missed. Ids
must grow, so a worker that lost its lease cannot write after its successor began: the log itself is the fence.
"""

import dataclasses
import json
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from redis import Redis, ResponseError
from redis.asyncio import Redis as AsyncRedis

LIFE_S = 6 * 3600  # after the last event; then the row alone tells the answer
MAX_EVENTS = 20_000  # of one answer; a reader that fell behind further gets a snapshot
WAIT_MS = 2_000  # of one blocking read; then the reader looks whether its row is still alive
READ_COUNT = 200


class LostLog(Exception):
    """Another writer has written to this log: this one no longer owns the answer."""


@dataclass(frozen=True, slots=True)
class Event:
    """A past fact about an answer. Subclasses are flat values of JSON types."""

    type: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> Self:
        """Return the event; fields that this version does not know are left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in payload.items() if name in known})


@dataclass(frozen=True, slots=True)
class AnswerCondensed(Event):
    """The question as it is searched for."""

    type: ClassVar[str] = "answer.condensed"
    question: str
    was_rewritten: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRetrieved(Event):
    """What was found. `passages`: number, document, page (or null), place, snippet of each."""

    type: ClassVar[str] = "answer.retrieved"
    libraries: int
    passages: list[dict[str, str | int | None]]
    milliseconds: float = 0.0
    trimmed_turns: int = 0


@dataclass(frozen=True, slots=True)
class AnswerDelta(Event):
    """Markdown to be appended, and the number of tokens in it."""

    type: ClassVar[str] = "answer.delta"
    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class AnswerBlock(Event):
    """Settled blocks as safe HTML; `tail` is the markdown after them, all that is left unsettled."""

    type: ClassVar[str] = "answer.block"
    html: str
    tail: str = ""


@dataclass(frozen=True, slots=True)
class AnswerFinished(Event):
    """The whole answer is in its row."""

    type: ClassVar[str] = "answer.finished"
    is_refusal: bool = False
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class AnswerFailed(Event):
    """The answer broke off; `code` says why (`interrupted`: its worker died). The text so far is in its row."""

    type: ClassVar[str] = "answer.failed"
    code: str = "internal"


@dataclass(frozen=True, slots=True)
class AnswerStopped(Event):
    """The reader stopped it; the text so far is in its row."""

    type: ClassVar[str] = "answer.stopped"


KINDS: Mapping[str, type[Event]] = {
    kind.type: kind
    for kind in (
        AnswerCondensed, AnswerRetrieved, AnswerDelta, AnswerBlock, AnswerFinished, AnswerFailed, AnswerStopped,
    )
}  # fmt: skip
FINAL = (AnswerFinished, AnswerFailed, AnswerStopped)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in a log: everything up to and with this entry is known."""

    attempt: int = 0
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.attempt}-{self.seq}"

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Return the cursor of a stream id."""
        attempt, _, seq = (text.decode() if isinstance(text, bytes) else text).partition("-")
        return cls(int(attempt), int(seq))

    def precedes(self, other: "Cursor") -> bool:
        """Return whether `other` comes right after this place, with nothing between."""
        if other.attempt == self.attempt:
            return other.seq == self.seq + 1
        return other.attempt > self.attempt and other.seq == 1


@dataclass(frozen=True, slots=True)
class Entry:
    """An event at its place."""

    cursor: Cursor
    event: Event


def _key(answer_id: UUID) -> str:
    return f"answer:{answer_id}"


def _stop_key(answer_id: UUID) -> str:
    return f"answer:{answer_id}:stop"


@cache
def connection() -> Redis:
    """Return this process's connection pool; safe in threads."""
    return Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=2)


def request_stop(answer_id: UUID, attempt: int) -> None:
    """Ring the bell that a worker looks at between tokens; the row says the same durably."""
    connection().set(_stop_key(answer_id), attempt, ex=LIFE_S)


def forget(answer_ids: Collection[UUID]) -> None:
    """Remove the logs of answers that are gone."""
    keys = [key for one in answer_ids for key in (_key(one), _stop_key(one))]
    if keys:
        connection().delete(*keys)


class Writer:
    """Writes the log of one attempt at an answer, in one thread."""

    def __init__(self, answer_id: UUID, attempt: int) -> None:
        self._redis = connection()
        self._id = answer_id
        self._attempt = attempt
        self.seq = 0

    def publish(self, event: Event) -> int:
        """Append the event and return its seq. Raises LostLog when the log is no longer this writer's."""
        seq = self.seq + 1
        fields: dict[Any, Any] = {"type": event.type, "data": json.dumps(event.payload(), ensure_ascii=False)}
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.xadd(_key(self._id), fields, id=f"{self._attempt}-{seq}", maxlen=MAX_EVENTS, approximate=True)
                pipe.expire(_key(self._id), LIFE_S)
                pipe.execute()
        except ResponseError as error:
            raise LostLog from error
        self.seq = seq
        return seq

    def is_stop_requested(self) -> bool:
        """Return whether this attempt is to end; costs about 0.1 ms."""
        value = self._redis.get(_stop_key(self._id))
        return (
            value is not None and int(str(value, "ascii") if isinstance(value, bytes) else str(value)) >= self._attempt
        )


def append_final(answer_id: UUID, attempt: int, event: Event) -> None:
    """End the log of an attempt whose writer is gone: the event takes the next number, and fences that writer."""
    fields: dict[Any, Any] = {"type": event.type, "data": json.dumps(event.payload(), ensure_ascii=False)}
    client = connection()
    for place in (f"{attempt}-1", f"{attempt}-*"):  # the first of an empty log (* would begin with 0), else the next
        try:
            client.xadd(_key(answer_id), fields, id=place)
        except ResponseError:  # the log is longer; after the second try: a later attempt writes already
            continue
        client.expire(_key(answer_id), LIFE_S)
        return


def text_of(answer_id: UUID, attempt: int) -> str:
    """Return the text that an attempt's deltas make; empty where the log lost its beginning."""
    raw: Any = connection().xrange(_key(answer_id), f"{attempt}-0", f"{attempt}-{2**63}")
    entries = [entry for each in raw if (entry := _entry(each)) is not None]
    if not entries or entries[0].cursor.seq != 1:
        return ""
    return "".join(entry.event.text for entry in entries if isinstance(entry.event, AnswerDelta))


class Reader:
    """Reads one log in an event loop. Close it: it holds a connection while it waits."""

    def __init__(self, answer_id: UUID) -> None:
        self._redis: AsyncRedis = AsyncRedis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
        self._key = _key(answer_id)

    async def read(self, after: Cursor, *, wait_ms: int = WAIT_MS) -> list[Entry]:
        """Return the entries after a place, at once where there are any, else as soon as one comes (or none did)."""
        streams: dict[Any, Any] = {self._key: str(after)}
        block = wait_ms or None  # redis: 0 would wait for ever, None not at all
        answer: Any = await self._redis.xread(streams, count=READ_COUNT, block=block)
        groups = answer.values() if isinstance(answer, dict) else [entries for _name, entries in answer or []]
        return [entry for group in groups for raw in _flat(group) if (entry := _entry(raw)) is not None]

    async def follow(self, after: Cursor) -> AsyncIterator[list[Entry]]:
        """Yield the entries after a place, then what comes; an empty list each time nothing came for a while."""
        while True:
            entries = await self.read(after)
            if entries:
                after = entries[-1].cursor
            yield entries

    async def close(self) -> None:
        """Give the connection back."""
        await self._redis.aclose()


def _flat(group: Any) -> list[Any]:
    """Return the entries of a stream: RESP3 nests them once more than RESP2."""
    return group[0] if len(group) == 1 and isinstance(group[0], list) else list(group)


def _entry(raw: tuple[bytes, Mapping[bytes, bytes]]) -> Entry | None:
    """Return the entry; None for a kind that this version does not know."""
    name, fields = raw
    kind = KINDS.get(fields[b"type"].decode())
    return Entry(Cursor.parse(name), kind.parse(json.loads(fields[b"data"]))) if kind else None
