"""The numbered log of an answer: order, fences, replay."""

import asyncio
from collections.abc import Iterator
from dataclasses import fields
from uuid import UUID, uuid4

import pytest

from apps.core import events
from apps.core.events import AnswerDelta, AnswerFailed, AnswerFinished, Cursor, LostLog, Reader, Writer


@pytest.fixture
def answer_id() -> Iterator[UUID]:
    made = uuid4()
    yield made
    events.connection().delete(events._key(made), events._stop_key(made))


async def read(answer_id: UUID, after: Cursor = Cursor()) -> list[events.Entry]:  # noqa: B008  (frozen)
    reader = Reader(answer_id)
    try:
        return await reader.read(after, wait_ms=0)
    finally:
        await reader.close()


async def test_it_replays_what_was_written_from_any_place(answer_id: UUID) -> None:
    writer = Writer(answer_id, 1)
    for word in ("智", "库", "\u2028[1]"):
        writer.publish(AnswerDelta(word, 1))

    for seen in range(4):
        entries = await read(answer_id, Cursor(1, seen))
        assert [entry.cursor for entry in entries] == [Cursor(1, seq) for seq in range(seen + 1, 4)]
    assert events.text_of(answer_id, 1) == "智库\u2028[1]"


async def test_it_wakes_a_reader_who_waits(answer_id: UUID) -> None:
    reader = Reader(answer_id)
    waiting = asyncio.create_task(reader.read(Cursor(), wait_ms=10_000))
    await asyncio.sleep(0)

    await asyncio.to_thread(Writer(answer_id, 1).publish, AnswerFinished())

    assert [entry.event for entry in await waiting] == [AnswerFinished()]
    await reader.close()


def test_it_refuses_a_writer_whose_successor_began(answer_id: UUID) -> None:
    old, new = Writer(answer_id, 1), Writer(answer_id, 2)
    old.publish(AnswerDelta("a"))
    new.publish(AnswerDelta("b"))
    with pytest.raises(LostLog):
        old.publish(AnswerDelta("c"))
    assert (events.text_of(answer_id, 1), events.text_of(answer_id, 2)) == ("a", "b")


def test_it_refuses_a_writer_whose_log_was_ended_for_it(answer_id: UUID) -> None:
    writer = Writer(answer_id, 1)
    writer.publish(AnswerDelta("a"))
    events.append_final(answer_id, 1, AnswerFailed("interrupted"))
    with pytest.raises(LostLog):
        writer.publish(AnswerDelta("b"))


async def test_it_ends_a_log_that_was_never_begun(answer_id: UUID) -> None:
    events.append_final(answer_id, 3, AnswerFailed("interrupted"))
    assert [str(entry.cursor) for entry in await read(answer_id)] == ["3-1"]


async def test_it_leaves_a_later_attempt_alone(answer_id: UUID) -> None:
    Writer(answer_id, 2).publish(AnswerDelta("b"))
    events.append_final(answer_id, 1, AnswerFailed("interrupted"))
    assert [entry.event for entry in await read(answer_id)] == [AnswerDelta("b")]


async def test_it_leaves_out_kinds_and_fields_of_other_versions(answer_id: UUID) -> None:
    client = events.connection()
    client.xadd(events._key(answer_id), {"type": "answer.sung", "data": "{}"}, id="1-1")
    client.xadd(events._key(answer_id), {"type": "answer.delta", "data": '{"text": "a", "pitch": 3}'}, id="1-2")
    assert [entry.event for entry in await read(answer_id)] == [AnswerDelta("a")]


def test_it_stops_only_the_attempt_that_was_meant(answer_id: UUID) -> None:
    events.request_stop(answer_id, 1)
    assert Writer(answer_id, 1).is_stop_requested()
    assert not Writer(answer_id, 2).is_stop_requested()


@pytest.mark.parametrize(
    ("after", "following", "is_next"),
    [
        ((1, 1), (1, 2), True),
        ((1, 1), (1, 3), False),
        ((1, 5), (2, 1), True),
        ((1, 5), (2, 2), False),
        ((2, 1), (1, 2), False),
    ],
)
def test_it_knows_what_comes_next(after: tuple[int, int], following: tuple[int, int], *, is_next: bool) -> None:
    assert Cursor(*after).precedes(Cursor(*following)) == is_next


@pytest.mark.parametrize("kind", events.KINDS.values(), ids=events.KINDS.keys())
def test_it_turns_every_kind_into_json_and_back(kind: type[events.Event]) -> None:
    values = {"str": "x", "bool": True, "int": 3, "float": 1.5}
    made = kind.parse({field.name: values.get(str(field.type), []) for field in fields(kind)})
    assert kind.parse(made.payload()) == made
