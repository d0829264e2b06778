"""The websocket of a conversation's page: follow answers, stop them. It runs no model and writes no text."""

import asyncio
import json
import logging
import time
from collections import Counter
from typing import Any, cast
from uuid import UUID

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.sessions.backends.db import SessionStore
from redis.exceptions import RedisError

from apps.chat import services
from apps.chat.access import access_conversation, access_message
from apps.chat.closed import shown_of
from apps.chat.following import Follower
from apps.chat.models import Message
from apps.core.errors import AppError, Invalid, NotFound
from apps.core.events import Cursor
from apps.users.mfa import lacks_second_factor
from apps.users.models import Team, User
from apps.users.wall import work_as

SIGNED_OUT, GONE, TOO_MANY, TOO_BIG, FAILED = 4401, 4404, 4429, 1009, 1011
RECHECK_S = 3.0  # whoever loses the right to a conversation hears nothing more after this
MAX_COMMAND_CHARS = 2_000
MAX_FOLLOWED = 4
MAX_SOCKETS = 40  # of one person in one process
BURST, PER_SECOND = 30.0, 5.0  # commands

log = logging.getLogger(__name__)
_open_sockets: Counter[UUID] = Counter()


class _Bucket:
    """Lets BURST commands through at once and PER_SECOND in the long run."""

    def __init__(self) -> None:
        self._tokens, self._at = BURST, time.monotonic()

    def take(self) -> bool:
        """Return whether one more is allowed."""
        now = time.monotonic()
        self._tokens, self._at = min(BURST, self._tokens + (now - self._at) * PER_SECOND), now
        self._tokens -= 1
        return self._tokens >= 0


class ConversationConsumer(AsyncWebsocketConsumer):
    """Commands: `{"type": "follow", "message": id, "cursor": {"attempt": a, "seq": n}}` and `{"type": "stop", …}`.

    It answers with the events of the followed answers, each with `message`, `attempt` and `seq`; with
    `answer.snapshot`, which replaces all before it; and with `error` {code, detail}, which closes nothing.
    """

    async def connect(self) -> None:
        """Let the owner of the conversation in; others are refused before the handshake ends."""
        self._followed: dict[UUID, asyncio.Task[None]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._bucket = _Bucket()
        self._counted: UUID | None = None
        self._user: User
        self._conversation_id: UUID = self.scope["url_route"]["kwargs"]["conversation_id"]
        code = await self._refusal()
        if code is None and _open_sockets[self._user.pk] >= MAX_SOCKETS:
            code = TOO_MANY
        if code is not None:
            await self.close(code)
            return
        self._counted = self._user.pk
        _open_sockets.update([self._user.pk])
        await self.accept()
        self._watch = asyncio.create_task(self._recheck())

    async def disconnect(self, code: int) -> None:
        """Let go of everything that waits."""
        tasks = [*self._followed.values(), *([self._watch] if self._watch else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._counted is not None:
            _open_sockets.subtract([self._counted])
            if not _open_sockets[self._counted]:
                del _open_sockets[self._counted]
            self._counted = None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Carry out one command; whatever is wrong with it is answered by an `error` frame."""
        if not self._bucket.take():
            await self.close(TOO_MANY)
            return
        if len(text_data or bytes_data or "") > MAX_COMMAND_CHARS:
            await self.close(TOO_BIG)
            return
        try:
            await self._command(_parsed(text_data))
        except AppError as error:
            await self._error(error)
        except Exception:  # the edge of the socket: one bad command must not end the page
            log.exception("A command failed", extra={"conversation": self._conversation_id})
            await self.close(FAILED)

    async def _command(self, command: dict[str, Any]) -> None:
        code = await self._refusal()
        if code is not None:
            await self.close(code)
            return
        message = await self._message(command.get("message"))
        match command.get("type"):
            case "follow":
                await self._follow(message, _cursor(command.get("cursor")))
            case "stop":
                await database_sync_to_async(services.stop)(message=message)
            case _:
                raise Invalid

    async def _message(self, given: object) -> Message:
        """Return an answer of this conversation through the gate. Raises NotFound."""
        try:
            message_id = UUID(given) if isinstance(given, str) else None
        except ValueError:
            message_id = None
        if message_id is None:
            raise Invalid
        message = await database_sync_to_async(access_message)(self._user, message_id)
        if message.conversation_id != self._conversation_id or message.role != Message.Role.ASSISTANT:
            raise NotFound
        return message

    async def _follow(self, message: Message, cursor: Cursor) -> None:
        """Replay from the cursor, then go on live; a second call for the same answer begins anew."""
        before = self._followed.pop(message.pk, None)
        if before is not None:
            before.cancel()
            await asyncio.gather(before, return_exceptions=True)
        self._followed = {key: task for key, task in self._followed.items() if not task.done()}
        if len(self._followed) >= MAX_FOLLOWED:
            raise Invalid
        self._followed[message.pk] = asyncio.create_task(self._pump(message.pk, cursor))

    async def _pump(self, message_id: UUID, cursor: Cursor) -> None:
        follower = Follower(message_id, cursor)
        try:
            async for frame in follower.frames():
                shown = await database_sync_to_async(shown_of)(self._user, frame) if "passages" in frame else frame
                await self.send(json.dumps(shown, ensure_ascii=False))
        except RedisError:
            log.warning("The event log is away", extra={"answer": message_id})
            await self.close(FAILED)
        except Exception:  # the edge of the socket
            log.exception("Following an answer failed", extra={"answer": message_id})
            await self.close(FAILED)
        finally:
            await follower.close()

    async def _recheck(self) -> None:
        """Close within seconds after a sign-out, a new password or the end of a membership."""
        while True:
            await asyncio.sleep(RECHECK_S)
            code = await self._refusal()
            if code is not None:
                for task in self._followed.values():
                    task.cancel()
                await self.close(code)
                return

    async def _refusal(self) -> int | None:
        """Return the code to close with, by the session and the rights of this moment; None if all is well."""
        key = getattr(self.scope.get("session"), "session_key", None)
        user = await get_user(cast("Any", {"session": SessionStore(key)})) if key else None
        if not isinstance(user, User) or not user.is_active:
            return SIGNED_OUT
        self._user = user
        await work_as(user)
        try:
            await database_sync_to_async(access_conversation)(user, self._conversation_id)
        except NotFound:  # a suspension a moment ago looks like that too
            is_there = database_sync_to_async(User.objects.filter(pk=user.pk, is_active=True).exists)
            return GONE if await is_there() else SIGNED_OUT
        return SIGNED_OUT if await database_sync_to_async(_lacks_factor)(user) else None

    async def _error(self, error: AppError) -> None:
        await self.send(
            json.dumps({"type": "error", "code": error.code, "detail": error.sentence()}, ensure_ascii=False)
        )


def _lacks_factor(user: User) -> bool:
    """Return whether the person must set up a second factor before anything else, as pages ask it."""
    return lacks_second_factor(user, Team.objects.of(user))


def _parsed(text: str | None) -> dict[str, Any]:
    """Return the command. Raises Invalid for anything that is not a JSON object."""
    try:
        command = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise Invalid from error
    if not isinstance(command, dict):
        raise Invalid
    return command


def _cursor(given: object) -> Cursor:
    """Return the place to go on from; none: the beginning. Raises Invalid."""
    if given is None:
        return Cursor()
    if not isinstance(given, dict):
        raise Invalid
    return Cursor(_count(given.get("attempt")), _count(given.get("seq")))


def _count(given: object) -> int:
    if type(given) is not int or not 0 <= given < 2**31:
        raise Invalid
    return given
