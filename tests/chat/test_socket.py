"""The websocket: who may open it, what it answers to nonsense, and that nothing is lost or repeated on it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client
from django.utils import timezone

from apps.chat import consumers
from apps.chat.models import Conversation, Message
from apps.core import events
from apps.users.models import Membership, Team, User
from tests import factories
from tests.sockets import ORIGIN, Socket

pytestmark = pytest.mark.django_db(transaction=True)


def socket(client: Client | None, conversation_id: object, origin: bytes | None = ORIGIN) -> Socket:
    return Socket(f"/ws/chat/{conversation_id}/", client, origin)


@asynccontextmanager
async def connected(client: Client, conversation: Conversation) -> AsyncIterator[Socket]:
    opened = socket(client, conversation.pk)
    assert (await opened.connect())[0]
    yield opened
    await opened.disconnect()


async def frames_to_the_end(opened: Socket) -> list[dict[str, Any]]:
    frames = [await opened.frame()]
    while frames[-1]["type"] not in {"answer.finished", "answer.failed", "answer.stopped"} and not frames[-1].get(
        "is_settled"
    ):
        frames.append(await opened.frame())
    return frames


def live_answer(conversation: Conversation, words: list[str], *, is_finished: bool = True) -> Message:
    """Return a running answer whose log holds the words, and its end."""
    question = factories.MessageFactory(conversation=conversation)
    answer: Message = factories.AnswerFactory(
        conversation=conversation, parent=question, text="", state=Message.State.RUNNING, attempt=1
    )
    writer = events.Writer(answer.pk, 1)
    for word in words:
        writer.publish(events.AnswerDelta(word, 1))
    if is_finished:
        writer.publish(events.AnswerFinished())
    return answer


async def test_it_refuses_strangers_like_addresses_that_do_not_exist(
    conversation: Conversation, bob_client: Client, xen_client: Client, ann_client: Client, alice_client: Client
) -> None:
    for client in (bob_client, xen_client, ann_client):
        assert await socket(client, conversation.pk).connect() == (False, consumers.GONE)
    assert await socket(alice_client, uuid4()).connect() == (False, consumers.GONE)


async def test_it_refuses_the_anonymous(conversation: Conversation, anonymous_client: Client) -> None:
    assert await socket(anonymous_client, conversation.pk).connect() == (False, consumers.SIGNED_OUT)


@pytest.mark.parametrize(
    "origin",
    [b"http://evil.test", b"https://localhost.evil.test", b"null", b"http://evil.test:8000", None, b"", b"file://"],
)
async def test_it_refuses_other_origins_before_the_handshake(
    conversation: Conversation, alice_client: Client, origin: bytes | None
) -> None:
    is_open, _code = await socket(alice_client, conversation.pk, origin).connect()
    assert not is_open


async def test_it_replays_and_ends(conversation: Conversation, alice_client: Client) -> None:
    answer = await sync_to_async(live_answer)(conversation, ["a", "b", "c"])

    async with connected(alice_client, conversation) as opened:
        await opened.command(type="follow", message=str(answer.pk))
        frames = await frames_to_the_end(opened)

    assert [frame["seq"] for frame in frames] == [1, 2, 3, 4]
    assert "".join(frame.get("text", "") for frame in frames) == "abc"
    assert {frame["message"] for frame in frames} == {str(answer.pk)}


async def test_it_resumes_from_every_frame_without_gap_or_repeat(
    conversation: Conversation, alice_client: Client
) -> None:
    words = [f"w{n} " for n in range(12)]
    answer = await sync_to_async(live_answer)(conversation, words)

    for k in range(len(words) + 1):
        async with connected(alice_client, conversation) as opened:
            command = {"type": "follow", "message": str(answer.pk), "cursor": {"attempt": 1, "seq": k}}
            await opened.command(**command)
            frames = await frames_to_the_end(opened)
        assert [frame["seq"] for frame in frames] == list(range(k + 1, len(words) + 2))


async def test_it_follows_live_in_two_tabs(conversation: Conversation, alice_client: Client) -> None:
    answer = await sync_to_async(live_answer)(conversation, [], is_finished=False)
    writer = events.Writer(answer.pk, 1)

    async with connected(alice_client, conversation) as one, connected(alice_client, conversation) as two:
        for opened in (one, two):
            await opened.command(type="follow", message=str(answer.pk))
        for word in ("x", "y"):
            await asyncio.to_thread(writer.publish, events.AnswerDelta(word, 1))
            assert [(await opened.frame())["text"] for opened in (one, two)] == [word, word]
        await asyncio.to_thread(writer.publish, events.AnswerFinished())
        assert [(await opened.frame())["type"] for opened in (one, two)] == ["answer.finished"] * 2


async def test_it_gives_a_snapshot_where_the_log_was_lost(conversation: Conversation, alice_client: Client) -> None:
    answer = await sync_to_async(live_answer)(conversation, ["one ", "two "], is_finished=False)
    await Message.objects.filter(pk=answer.pk).aupdate(text="one two ", flushed_seq=2)
    await asyncio.to_thread(events.connection().delete, events._key(answer.pk))
    writer = events.Writer(answer.pk, 1)
    writer.seq = 2
    await asyncio.to_thread(writer.publish, events.AnswerDelta("three", 1))
    await asyncio.to_thread(writer.publish, events.AnswerFinished())

    async with connected(alice_client, conversation) as opened:
        await opened.command(type="follow", message=str(answer.pk), cursor={"attempt": 1, "seq": 1})
        frames = await frames_to_the_end(opened)

    assert [frame["type"] for frame in frames] == ["answer.snapshot", "answer.delta", "answer.finished"]
    assert (frames[0]["tail"], frames[1]["text"]) == ("one two ", "three")


async def test_it_gives_a_snapshot_of_a_settled_answer_without_a_log(
    conversation: Conversation, alice_client: Client
) -> None:
    answer = await sync_to_async(factories.AnswerFactory)(conversation=conversation, text="One.\n\nTwo.", attempt=1)

    async with connected(alice_client, conversation) as opened:
        await opened.command(type="follow", message=str(answer.pk))
        frame = await opened.frame()

    assert (frame["type"], frame["state"], frame["is_settled"]) == ("answer.snapshot", "done", True)
    assert (frame["html"].strip(), frame["tail"]) == ("<p>One.</p>", "Two.")


async def test_it_skips_the_end_of_an_earlier_attempt(conversation: Conversation, alice_client: Client) -> None:
    answer = await sync_to_async(live_answer)(conversation, ["old"])
    await Message.objects.filter(pk=answer.pk).aupdate(state=Message.State.PENDING)

    async with connected(alice_client, conversation) as opened:
        await opened.command(type="follow", message=str(answer.pk))
        await Message.objects.filter(pk=answer.pk).aupdate(state=Message.State.RUNNING, attempt=2)
        writer = events.Writer(answer.pk, 2)
        await asyncio.to_thread(writer.publish, events.AnswerDelta("new", 1))
        frame = await opened.frame()

    assert (frame["attempt"], frame["seq"], frame["text"]) == (2, 1, "new")


async def test_it_stops_by_command(conversation: Conversation, alice_client: Client) -> None:
    answer = await sync_to_async(live_answer)(conversation, ["a"], is_finished=False)

    async with connected(alice_client, conversation) as opened:
        await opened.command(type="stop", message=str(answer.pk))
        await opened.command(type="follow", message=str(answer.pk))
        await opened.frame()

    assert events.Writer(answer.pk, 1).is_stop_requested()
    await answer.arefresh_from_db()
    assert answer.stop_requested


async def test_it_takes_no_command_for_messages_of_elsewhere(
    conversation: Conversation, alice: User, alice_client: Client, bob: User
) -> None:
    def elsewhere() -> list[Message]:
        others = factories.ConversationFactory(owner=bob, team=factories.TeamFactory())
        mine = factories.ConversationFactory(owner=alice, team=conversation.team)
        question = factories.MessageFactory(conversation=conversation)
        return [live_answer(others, ["CANARY-T2"]), live_answer(mine, ["x"]), question]

    async with connected(alice_client, conversation) as opened:
        for message in await sync_to_async(elsewhere)():
            for kind in ("follow", "stop"):
                await opened.command(type=kind, message=str(message.pk))
                assert (await opened.frame())["code"] == "not-found"
            await message.arefresh_from_db()
            assert not message.stop_requested


MALFORMED = [
    "",
    "x",
    "{",
    "null",
    "[]",
    "1",
    '"follow"',
    "{}",
    '{"type": "follow"}',
    '{"type": null, "message": null}',
    "NaN",
    '{"a": NaN}',
    '{"type": "follow", "message": 1}',
    '{"type": "follow", "message": "x"}',
    '{"type": "follow", "message": ["x"]}',
    '{"type": "follow", "message": "\\ud800"}',
    "[" * 1_900,
    '{"a":' * 300,
    '{"message": "00000000-0000-0000-0000-000000000000"}',
]


async def test_it_answers_nonsense_with_error_frames_and_lives_on(
    conversation: Conversation, alice_client: Client
) -> None:
    answer = await sync_to_async(live_answer)(conversation, ["a"])
    message = json.dumps(str(answer.pk))
    cursors = [
        "1",
        "[]",
        '"x"',
        "{}",
        '{"attempt": -1, "seq": 0}',
        '{"attempt": 1e999, "seq": 0}',
        '{"attempt": true, "seq": 1}',
        '{"attempt": 99999999999999999999, "seq": 0}',
        '{"attempt": 1, "seq": "0"}',
    ]
    bad_cursors = [f'{{"type": "follow", "message": {message}, "cursor": {cursor}}}' for cursor in cursors]
    unknown = f'{{"type": "shutdown", "message": {message}}}'

    async with connected(alice_client, conversation) as opened:
        for text in [*MALFORMED, *bad_cursors, unknown]:
            await opened.send(text)
            assert (await opened.frame())["type"] == "error", text
        await opened.send_bytes(b"\x00\xff")
        assert (await opened.frame())["type"] == "error"


@pytest.fixture(autouse=True)
async def _no_connection_stays() -> AsyncIterator[None]:
    """Close what the thread of database calls holds: the test database could not be removed otherwise."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture(autouse=True)
def _generous(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "limit" not in request.node.name:
        monkeypatch.setattr(consumers, "BURST", 10_000.0)


async def test_it_limits_the_rate_of_commands(conversation: Conversation, alice_client: Client) -> None:
    opened = socket(alice_client, conversation.pk)
    await opened.connect()
    for _ in range(200):
        await opened.send("{}")
    assert await opened.code_of_close() == consumers.TOO_MANY


async def test_it_limits_the_size_of_a_command(conversation: Conversation, alice_client: Client) -> None:
    opened = socket(alice_client, conversation.pk)
    await opened.connect()
    await opened.send("x" * 3_000)
    assert await opened.code_of_close() == consumers.TOO_BIG


async def test_it_limits_the_sockets_of_a_person(
    conversation: Conversation, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "MAX_SOCKETS", 2)
    async with connected(alice_client, conversation), connected(alice_client, conversation):
        assert await socket(alice_client, conversation.pk).connect() == (False, consumers.TOO_MANY)
    async with connected(alice_client, conversation):
        pass


CLOSED = {
    "member-suspended": lambda team: Membership.objects.filter(team=team).update(suspended_at=timezone.now()),
    "team-suspended": lambda team: Team.objects.filter(pk=team.pk).update(suspended_at=timezone.now()),
    "team-deleted": lambda team: Team.objects.filter(pk=team.pk).update(deletion_at=timezone.now()),
}


@pytest.mark.parametrize("fault", ["logout", "membership", "password", "suspension", "deleted", *CLOSED])
async def test_it_closes_when_the_right_ends(
    conversation: Conversation, alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_S", 0.05)
    answer = await sync_to_async(live_answer)(conversation, ["a"], is_finished=False)

    def end() -> None:
        if fault == "logout":
            alice_client.logout()
        elif fault == "membership":
            alice.memberships.all().delete()
        elif fault == "password":
            alice.set_password("another battery horse")
            alice.save()
        elif fault == "suspension":
            User.objects.filter(pk=alice.pk).update(is_active=False)
        elif fault in CLOSED:
            CLOSED[fault](conversation.team)
        else:
            Conversation.objects.filter(pk=conversation.pk).delete()

    opened = socket(alice_client, conversation.pk)
    await opened.connect()
    await opened.command(type="follow", message=str(answer.pk))
    await opened.frame()
    await sync_to_async(end)()

    expected = consumers.GONE if fault in {"membership", "deleted", *CLOSED} else consumers.SIGNED_OUT
    assert await opened.code_of_close() == expected


async def test_it_refuses_the_next_command_even_before_it_closes(
    conversation: Conversation, alice: User, alice_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_S", 3_600)
    answer = await sync_to_async(live_answer)(conversation, ["CANARY"])
    opened = socket(alice_client, conversation.pk)
    await opened.connect()
    await alice.memberships.all().adelete()

    await opened.command(type="follow", message=str(answer.pk))

    assert (await opened.receive_output()) == {"type": "websocket.close", "code": consumers.GONE}
