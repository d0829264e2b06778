"""One answer's events for one reader: replay, then live, without a gap and without a repeat."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async

from apps.chat.models import Message
from apps.core.events import FINAL, Cursor, Entry, Reader
from apps.core.markdown import render, split_sealed

LAST_SEQ = 2**31
RETRY_S = 0.3  # until the row has caught up with a log that lost its beginning

Frame = dict[str, Any]


class Follower:
    """Turns the log of an answer into frames, and its row into a snapshot where the log does not reach."""

    def __init__(self, message_id: UUID, cursor: Cursor) -> None:
        self._id = message_id
        self._cursor = cursor
        self._reader = Reader(message_id)

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield frames until the answer has ended."""
        await self._skip_earlier_attempts()
        known = await self._reader.read(self._cursor, wait_ms=0)
        frame = None if known else await self._if_settled()
        if frame is not None:
            yield frame
            return
        async for entries in self._reader.follow(self._cursor):
            if not entries:
                frame = await self._if_settled()
                if frame is not None:
                    yield frame
                    return
            async for frame in self._contiguous(entries):
                yield frame
                if frame["type"] in _ENDS:
                    return

    async def close(self) -> None:
        """Give the connection back."""
        await self._reader.close()

    async def _skip_earlier_attempts(self) -> None:
        """Begin with the attempt of now: an earlier one's end is not this one's."""
        row = await database_sync_to_async(_row)(self._id)
        is_waiting = row.state == Message.State.PENDING
        self._cursor = max(self._cursor, Cursor(row.attempt, LAST_SEQ if is_waiting else 0))

    async def _contiguous(self, entries: list[Entry]) -> AsyncIterator[Frame]:
        for entry in entries:
            while not self._cursor.precedes(entry.cursor):
                if entry.cursor <= self._cursor:
                    break  # a snapshot held it already
                snapshot, reached = await self._snapshot()
                if snapshot["is_settled"] or reached >= self._cursor_before(entry):
                    self._cursor = reached
                    yield snapshot
                    if snapshot["is_settled"]:
                        return
                else:
                    await asyncio.sleep(RETRY_S)
            if entry.cursor > self._cursor:
                self._cursor = entry.cursor
                yield self._frame(entry)

    @staticmethod
    def _cursor_before(entry: Entry) -> Cursor:
        return Cursor(entry.cursor.attempt, entry.cursor.seq - 1)

    def _frame(self, entry: Entry) -> Frame:
        place = {"message": str(self._id), "attempt": entry.cursor.attempt, "seq": entry.cursor.seq}
        return {"type": entry.event.type} | place | entry.event.payload()

    async def _if_settled(self) -> Frame | None:
        """Return a snapshot where the row has ended although the log is silent: its writer died, or the log is gone."""
        snapshot, _reached = await self._snapshot()
        return snapshot if snapshot["is_settled"] else None

    async def _snapshot(self) -> tuple[Frame, Cursor]:
        row = await database_sync_to_async(_row)(self._id)
        sealed, tail = split_sealed(row.text)
        frame = {
            "type": "answer.snapshot",
            "message": str(self._id),
            "attempt": row.attempt,
            "seq": row.flushed_seq,
            "state": row.state,
            "is_settled": not row.is_live,
            "html": render(sealed, range(1, len(row.steps.get("passages", [])) + 1)),
            "tail": tail,
        }
        return frame, Cursor(row.attempt, row.flushed_seq)


_ENDS = frozenset(event.type for event in FINAL)


def _row(message_id: UUID) -> Message:
    fields = ("text", "attempt", "flushed_seq", "state", "steps")
    return Message.objects.only(*fields).get(pk=message_id)
